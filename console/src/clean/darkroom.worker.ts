/**
 * Where whole pictures are: decoding, previews, tiles, masks at full size, differences and ZIPs, off the page's
 * thread. One thing is done at a time, and at most two whole pictures are kept, so that ten large ones fit.
 */

import { zipSync } from "fflate";
import { paint, type Painted } from "./painting";

export type Order =
  | { do: "read"; picture: Blob; preview: number; thumbnail: number }
  | { do: "tile"; key: string; picture: Blob; x: number; y: number; width: number; height: number; scale: number }
  | { do: "shapes"; shapes: { url: string; width: number; height: number }[] }
  | { do: "stencil"; id: string; picture: Blob; width: number; height: number; preview: number }
  | { do: "mask"; width: number; height: number; shapes: { url: string; x: number; y: number }[]; painted: Painted[] }
  | { do: "difference"; before: ImageBitmap; after: ImageBitmap }
  | { do: "encode"; picture: ImageBitmap }
  | { do: "zip"; files: { name: string; data: Blob }[] };

export interface Read {
  width: number;
  height: number;
  preview: ImageBitmap;
  thumbnail: Blob;
}

const KEPT = 2; // whole pictures
const AMPLIFIED = 8; // in the difference view

const whole = new Map<string, ImageBitmap>();
const stencils = new Map<string, { image: ImageBitmap; width: number; height: number }>();

async function decode(picture: Blob): Promise<ImageBitmap> {
  return createImageBitmap(picture, { imageOrientation: "from-image" });
}

function canvas(width: number, height: number): [OffscreenCanvas, OffscreenCanvasRenderingContext2D] {
  const made = new OffscreenCanvas(width, height);
  const context = made.getContext("2d", { willReadFrequently: false });
  if (context === null) throw new Error("no canvas");
  return [made, context];
}

/** Scaled to fit, in steps of a half so that nothing glitters. */
async function small(picture: ImageBitmap, side: number): Promise<ImageBitmap> {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  return createImageBitmap(picture, {
    resizeWidth: Math.max(1, Math.round(picture.width * scale)),
    resizeHeight: Math.max(1, Math.round(picture.height * scale)),
    resizeQuality: "high",
  });
}

async function read(order: Extract<Order, { do: "read" }>): Promise<[Read, Transferable[]]> {
  const picture = await decode(order.picture);
  const { width, height } = picture;
  const preview = await small(picture, order.preview);
  picture.close();
  const tiny = await small(preview, order.thumbnail);
  const [made, context] = canvas(tiny.width, tiny.height);
  context.drawImage(tiny, 0, 0);
  tiny.close();
  const thumbnail = await made.convertToBlob({ type: "image/webp", quality: 0.8 });
  return [{ width, height, preview, thumbnail }, [preview]];
}

async function tile(order: Extract<Order, { do: "tile" }>): Promise<[ImageBitmap, Transferable[]]> {
  let picture = whole.get(order.key);
  if (picture === undefined) {
    for (const [key, other] of whole) {
      if (whole.size < KEPT) break;
      other.close();
      whole.delete(key);
    }
    picture = await decode(order.picture);
  }
  whole.delete(order.key);
  whole.set(order.key, picture); // the latest is the last to go
  const made = await createImageBitmap(picture, order.x, order.y, order.width, order.height, {
    resizeWidth: Math.max(1, Math.round(order.width * order.scale)),
    resizeHeight: Math.max(1, Math.round(order.height * order.scale)),
    resizeQuality: order.scale < 1 ? "high" : "pixelated",
  });
  return [made, [made]];
}

/** White where the picture is light and opaque, see-through elsewhere. */
async function lightAsOpaque(picture: Blob, width: number, height: number): Promise<ImageBitmap> {
  const given = await decode(picture);
  const [made, context] = canvas(width, height);
  context.imageSmoothingEnabled = false;
  context.drawImage(given, 0, 0, width, height);
  given.close();
  const rows = 256; // at a time: all of a large mask would be a hundred megabytes
  for (let top = 0; top < height; top += rows) {
    const pixels = context.getImageData(0, top, width, Math.min(rows, height - top));
    const { data } = pixels;
    for (let place = 0; place < data.length; place += 4) {
      const light = (data[place] ?? 0) + (data[place + 1] ?? 0) + (data[place + 2] ?? 0) >= 384;
      data[place + 3] = light && (data[place + 3] ?? 0) >= 128 ? 255 : 0;
      data[place] = data[place + 1] = data[place + 2] = 255;
    }
    context.putImageData(pixels, 0, top);
  }
  return made.transferToImageBitmap();
}

async function shapeOf(url: string): Promise<Blob> {
  return (await fetch(url)).blob();
}

async function shapes(order: Extract<Order, { do: "shapes" }>): Promise<[ImageBitmap[], Transferable[]]> {
  const made: ImageBitmap[] = [];
  for (const one of order.shapes) {
    made.push(await lightAsOpaque(await shapeOf(one.url), Math.max(1, one.width), Math.max(1, one.height)));
  }
  return [made, made];
}

async function stencil(order: Extract<Order, { do: "stencil" }>): Promise<[ImageBitmap, Transferable[]]> {
  const image = await lightAsOpaque(order.picture, order.width, order.height);
  stencils.set(order.id, { image, width: order.width, height: order.height });
  const preview = await small(image, order.preview);
  return [preview, [preview]];
}

async function mask(order: Extract<Order, { do: "mask" }>): Promise<[Blob, Transferable[]]> {
  const [made, context] = canvas(order.width, order.height);
  for (const one of order.shapes) {
    const shape = await decode(await shapeOf(one.url));
    const { width, height } = shape;
    shape.close();
    const image = await lightAsOpaque(await shapeOf(one.url), width, height);
    context.drawImage(image, one.x, one.y);
    image.close();
  }
  for (const one of order.painted) paint(context, one, "#fff", stencils);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, order.width, order.height);
  return [await made.convertToBlob({ type: "image/png" }), []];
}

function difference(order: Extract<Order, { do: "difference" }>): [ImageBitmap, Transferable[]] {
  const { width, height } = order.before;
  const [made, context] = canvas(width, height);
  context.drawImage(order.before, 0, 0);
  context.globalCompositeOperation = "difference";
  context.drawImage(order.after, 0, 0, width, height);
  context.globalCompositeOperation = "lighter"; // adding it to itself doubles it
  for (let factor = 1; factor < AMPLIFIED; factor *= 2) context.drawImage(made, 0, 0);
  order.before.close();
  order.after.close();
  const shown = made.transferToImageBitmap();
  return [shown, [shown]];
}

async function encode(order: Extract<Order, { do: "encode" }>): Promise<[Blob, Transferable[]]> {
  const [made, context] = canvas(order.picture.width, order.picture.height);
  context.drawImage(order.picture, 0, 0);
  order.picture.close();
  return [await made.convertToBlob({ type: "image/png" }), []];
}

async function zip(order: Extract<Order, { do: "zip" }>): Promise<[Blob, Transferable[]]> {
  const files: Record<string, [Uint8Array, { level: 0 }]> = {};
  for (const one of order.files) files[one.name] = [new Uint8Array(await one.data.arrayBuffer()), { level: 0 }];
  return [new Blob([zipSync(files) as Uint8Array<ArrayBuffer>], { type: "application/zip" }), []];
}

async function done(order: Order): Promise<[unknown, Transferable[]]> {
  switch (order.do) {
    case "read":
      return read(order);
    case "tile":
      return tile(order);
    case "shapes":
      return shapes(order);
    case "stencil":
      return stencil(order);
    case "mask":
      return mask(order);
    case "difference":
      return difference(order);
    case "encode":
      return encode(order);
    case "zip":
      return zip(order);
  }
}

let turn: Promise<void> = Promise.resolve();

addEventListener("message", (event: MessageEvent<{ number: number; order: Order }>) => {
  const { number, order } = event.data;
  turn = turn.then(async () => {
    try {
      const [answer, handed] = await done(order);
      postMessage({ number, answer }, { transfer: handed });
    } catch (error) {
      postMessage({ number, failure: error instanceof Error ? error.message : String(error) });
    }
  });
});
