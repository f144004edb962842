/** Light, dark, or as the system has it. */

import { useSyncExternalStore } from "react";

export type Look = "light" | "dark" | "system";
const KEPT = "cleanplate-look";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function getLook(): Look {
  const kept = localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setLook(look: Look): void {
  if (look === "system") localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, look);
  applyLook();
}

function shade(): "light" | "dark" {
  const look = getLook();
  return look === "system" ? (dark.matches ? "dark" : "light") : look;
}

/** Tell the style sheet; the listeners after it, who read colours. */
export function applyLook(): void {
  document.documentElement.dataset["look"] = shade();
  for (const one of listeners) one();
}

dark.addEventListener("change", applyLook);

function subscribe(action: () => void): () => void {
  listeners.add(action);
  return () => {
    listeners.delete(action);
  };
}

/** What was chosen. */
export function useLook(): Look {
  return useSyncExternalStore(subscribe, getLook);
}

/** What is shown: changes whenever the colours do. */
export function useShade(): "light" | "dark" {
  return useSyncExternalStore(subscribe, shade);
}

/** A colour of the style sheet, for what is drawn on a canvas. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
