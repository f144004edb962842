/** Which page is shown: what stands behind the `#` of the address, so that any server path will do. */

import { useSyncExternalStore } from "react";

export type Page = "clean" | "tasks" | "api" | "operator";
const PAGES: readonly Page[] = ["clean", "tasks", "api", "operator"];

export interface Route {
  page: Page;
  /** What is shown of it: `#tasks/batch/<id>` has `["batch", "<id>"]`. */
  rest: string[];
}

function subscribe(action: () => void): () => void {
  addEventListener("hashchange", action);
  return () => {
    removeEventListener("hashchange", action);
  };
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const [name, ...rest] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { page: PAGES.find((one) => one === name) ?? "clean", rest };
}

export function address(page: Page, ...rest: string[]): string {
  return `#${[page, ...rest.map(encodeURIComponent)].join("/")}`;
}
