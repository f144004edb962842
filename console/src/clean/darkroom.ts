/** The page's side of the darkroom: promises for what its worker does. */

import type { Order, Read } from "./darkroom.worker";

interface Waiting {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

let worker: Worker | null = null;
let last = 0;
const waiting = new Map<number, Waiting>();

function ask<T>(order: Order, handed: Transferable[] = []): Promise<T> {
  if (worker === null) {
    worker = new Worker(new URL("./darkroom.worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", (event: MessageEvent<{ number: number; answer?: never; failure?: string }>) => {
      const { number, answer, failure } = event.data;
      const one = waiting.get(number);
      waiting.delete(number);
      if (failure === undefined) one?.resolve(answer as never);
      else one?.reject(new Error(failure));
    });
  }
  const number = ++last;
  return new Promise<T>((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    worker?.postMessage({ number, order }, handed);
  });
}

type Of<Kind extends Order["do"]> = Omit<Extract<Order, { do: Kind }>, "do">;

/** Longest side of a preview, in pixels: all that is drawn while painting. */
export const PREVIEW = 1600;
export const THUMBNAIL = 176;

export const darkroom = {
  read: (picture: Blob) => ask<Read>({ do: "read", picture, preview: PREVIEW, thumbnail: THUMBNAIL }),
  tile: (order: Of<"tile">) => ask<ImageBitmap>({ do: "tile", ...order }),
  shapes: (shapes: Of<"shapes">["shapes"]) => ask<ImageBitmap[]>({ do: "shapes", shapes }),
  stencil: (order: Omit<Of<"stencil">, "preview">) => ask<ImageBitmap>({ do: "stencil", ...order, preview: PREVIEW }),
  mask: (order: Of<"mask">) => ask<Blob>({ do: "mask", ...order }),
  difference: (before: ImageBitmap, after: ImageBitmap) =>
    Promise.all([createImageBitmap(before), createImageBitmap(after)]).then(([one, other]) =>
      ask<ImageBitmap>({ do: "difference", before: one, after: other }, [one, other]),
    ),
  zip: (files: Of<"zip">["files"]) => ask<Blob>({ do: "zip", files }),
};
