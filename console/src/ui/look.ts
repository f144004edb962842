/** Light, dark, or as the system has it. */

import { useSyncExternalStore } from "react";

export type Look = "light" | "dark" | "system";
const KEPT = "cleanplate-look";
const listeners = new Set<() => void>();

export function getLook(): Look {
  const kept = localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setLook(look: Look): void {
  if (look === "system") localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, look);
  applyLook();
  for (const one of listeners) one();
}

export function applyLook(): void {
  const look = getLook();
  if (look === "system") delete document.documentElement.dataset["look"];
  else document.documentElement.dataset["look"] = look;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Changes whenever the colours do; its value is the look in force. */
export function useLook(): Look {
  return useSyncExternalStore((action) => {
    listeners.add(action);
    dark.addEventListener("change", action);
    return () => {
      listeners.delete(action);
      dark.removeEventListener("change", action);
    };
  }, getLook);
}

/** A colour of the style sheet, for what is drawn on a canvas. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
