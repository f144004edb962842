/** Following one's removals live, by server-sent events; one stream for all who listen. */

import type { Credits, Removal } from "./api";

type Listener = { removal?: (one: Removal) => void; credits?: (one: Credits) => void; live?: (is: boolean) => void };

const AGAIN = 5000; // milliseconds
const listeners = new Set<Listener>();
let source: EventSource | null = null;
let live = false;

function tellLive(is: boolean): void {
  live = is;
  for (const one of listeners) one.live?.(is);
}

function open(): void {
  source = new EventSource("v1/events");
  source.addEventListener("ready", () => {
    tellLive(true);
  });
  source.addEventListener("removal", (event) => {
    const removal = JSON.parse((event as MessageEvent<string>).data) as Removal;
    for (const one of listeners) one.removal?.(removal);
  });
  source.addEventListener("credits", (event) => {
    const credits = JSON.parse((event as MessageEvent<string>).data) as Credits;
    for (const one of listeners) one.credits?.(credits);
  });
  source.onerror = () => {
    tellLive(false);
    // A connection that breaks off is taken up by the browser; one that was refused is not.
    if (source?.readyState !== EventSource.CLOSED) return;
    const refused = source;
    setTimeout(() => {
      if (source === refused) open();
    }, AGAIN);
  };
}

/** Be told of changes until the answer is called; the stream is open while anybody listens. */
export function follow(listener: Listener): () => void {
  listeners.add(listener);
  if (source === null) open();
  else listener.live?.(live);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && source !== null) {
      source.close();
      source = null;
      live = false;
    }
  };
}
