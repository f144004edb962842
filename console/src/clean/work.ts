/** What happens to pictures: they are read, looked at, cleaned, and carried away. */

import { api, Problem, type Limits, type Preset } from "../api";
import { darkroom, PREVIEW } from "./darkroom";
import { placed, type Painted } from "./painting";
import {
  addPainted,
  busy,
  change,
  changePlate,
  getTable,
  look,
  plateOf,
  type Plate,
} from "./plates";

const AT_ONCE = 3; // pictures on their way; browsers open six connections to one server
const PATIENCE = 20; // seconds that one question waits for its answer

const stops = new Map<string, AbortController>();
const lookers = new Map<string, AbortController>();
let number = 0;

type Say = (key: "tooLarge" | "tooManyPixels" | "notAPicture", values: Record<string, string>) => string;

function newPlate(name: string, picture: Blob): Plate {
  return {
    id: `p${String(++number)}`,
    name,
    picture,
    step: "reading",
    sent: 0,
    width: 0,
    height: 0,
    preview: null,
    thumbnail: null,
    painted: [],
    undone: [],
    stencils: new Map(),
    preset: null,
    look: look(getTable().how.sensitivity),
    result: null,
    problem: null,
    removalId: null,
  };
}

export function megabytes(bytes: number): string {
  return `${String(Math.round(bytes / 1048576))} MB`;
}

/** Put pictures on the table; what is wrong with one is told with it. */
export async function bring(files: readonly File[], limits: Limits, say: Say): Promise<void> {
  const plates = files.map((file) => newPlate(file.name, file));
  change({
    plates: [...getTable().plates, ...plates],
    chosen: getTable().chosen ?? plates[0]?.id ?? null,
  });
  await Promise.all(plates.map((plate) => read(plate, limits, say)));
}

async function read(plate: Plate, limits: Limits, say: Say): Promise<void> {
  const refuse = (key: Parameters<Say>[0], values: Record<string, string>): void => {
    changePlate(plate.id, {
      step: "failed",
      problem: { code: key, text: say(key, { name: plate.name, ...values }) },
    });
  };
  if (plate.picture.size > limits.max_bytes) {
    refuse("tooLarge", { limit: megabytes(limits.max_bytes) });
    return;
  }
  try {
    const { width, height, preview, thumbnail } = await darkroom.read(plate.picture);
    if (width * height > limits.max_pixels) {
      preview.close();
      refuse("tooManyPixels", {});
      return;
    }
    changePlate(plate.id, { step: "ready", width, height, preview, thumbnail: URL.createObjectURL(thumbnail) });
  } catch {
    // Some formats this browser cannot show, and the server can clean all the same.
    if (/\.(tiff?|heic|heif|jp2|j2k|bmp|avif)$/i.test(plate.name)) changePlate(plate.id, { step: "ready" });
    else refuse("notAPicture", {});
  }
}

export function takeAway(id: string): void {
  const plate = plateOf(id);
  if (plate === undefined) return;
  stops.get(id)?.abort();
  lookers.get(id)?.abort();
  plate.preview?.close();
  plate.result?.preview?.close();
  if (plate.thumbnail !== null) URL.revokeObjectURL(plate.thumbnail);
  const { plates, chosen } = getTable();
  const place = plates.findIndex((one) => one.id === id);
  const left = plates.filter((one) => one.id !== id);
  change({ plates: left, chosen: chosen === id ? (left[Math.min(place, left.length - 1)]?.id ?? null) : chosen });
}

/** Look for marks in a picture, unless that was done with this sensitivity already. */
export async function lookAt(id: string): Promise<void> {
  const plate = plateOf(id);
  const { sensitivity } = getTable().how;
  if (plate?.preview == null || busy(plate)) return;
  if (plate.look.state !== "none" && plate.look.sensitivity === sensitivity && plate.look.state !== "failed") return;
  lookers.get(id)?.abort();
  const stop = new AbortController();
  lookers.set(id, stop);
  changePlate(id, { look: { ...look(sensitivity), state: "looking" } });
  try {
    const { marks, width } = await api.find(plate.picture, sensitivity, stop.signal);
    const scale = plate.preview.width / width;
    const shapes = await darkroom.shapes(
      marks.map((one) => ({
        url: one.area,
        width: Math.round(one.box[2] * scale),
        height: Math.round(one.box[3] * scale),
      })),
    );
    if (!stop.signal.aborted) changePlate(id, { look: { ...look(sensitivity), state: "found", marks, shapes } });
  } catch (error) {
    if (stop.signal.aborted) return;
    const problem = error instanceof Problem ? error : new Problem("unexpected", String(error), 0);
    changePlate(id, { look: { ...look(sensitivity), state: "failed", problem } });
  }
}

export function refuseMark(id: string, place: number, refused: boolean): void {
  changePlate(id, (plate) => {
    const set = new Set(plate.look.refused);
    if (refused) set.add(place);
    else set.delete(place);
    return { look: { ...plate.look, refused: set } };
  });
}

/** What a picture's area is told with: nothing (find it), a preset's name, or a mask at full size. */
type Area = { kind: "found" } | { kind: "preset"; name: string } | { kind: "mask"; mask: Blob } | { kind: "nothing" };

async function areaOf(plate: Plate): Promise<Area> {
  if (plate.preset !== null && plate.painted.length === 0) return { kind: "preset", name: plate.preset.name };
  if (plate.painted.length === 0 && plate.look.refused.size === 0) return { kind: "found" };
  const mask = await maskOf(plate);
  return mask === null ? { kind: "nothing" } : { kind: "mask", mask };
}

/** The mask at full size: the accepted marks, a preset's rectangles, and what is painted. Null: it would be empty. */
export async function maskOf(plate: Plate): Promise<Blob | null> {
  const shapes = plate.look.marks
    .filter((_, place) => !plate.look.refused.has(place))
    .map((mark) => ({ url: mark.area, x: mark.box[0], y: mark.box[1] }));
  const painted: Painted[] = [
    ...(plate.preset === null ? [] : placed(plate.preset, plate.width, plate.height)),
    ...plate.painted,
  ];
  if (shapes.length === 0 && !painted.some((one) => one.kind !== "eraser")) return null;
  return darkroom.mask({ width: plate.width, height: plate.height, shapes, painted });
}

/** Clean one picture, from its original pixels. */
export async function cleanPlate(id: string, sayNothing: string): Promise<void> {
  let plate = plateOf(id);
  if (plate === undefined || busy(plate) || plate.step === "reading") return;
  const stop = new AbortController();
  stops.set(id, stop);
  const started = performance.now();
  changePlate(id, { step: "sending", sent: 0, problem: null });
  try {
    // To go on from a result that was found automatically, what was found must be known.
    if (plate.result !== null && plate.painted.length > 0 && plate.look.state !== "found" && plate.preset === null) {
      changePlate(id, { step: "ready" });
      await lookAt(id);
      changePlate(id, { step: "sending" });
      plate = plateOf(id) ?? plate;
    }
    const spent = plate.painted.length;
    const area = await areaOf(plate);
    if (area.kind === "nothing") {
      changePlate(id, { step: plate.result === null ? "ready" : "done", problem: { code: "nothing", text: sayNothing } });
      return;
    }
    const removal = await follow(id, await submit(plate, area, stop.signal), stop.signal);
    if (removal.result === null) throw new Problem(removal.error?.code ?? "failed", removal.error?.detail ?? "", 0);
    const picture = await api.file(removal.result.url, stop.signal);
    const seen = await darkroom.read(picture).catch(() => null);
    plate.result?.preview?.close();
    changePlate(id, {
      step: "done",
      result: { picture, preview: seen?.preview ?? null, removal, seconds: (performance.now() - started) / 1000, spent },
    });
  } catch (error) {
    const back = plateOf(id)?.result ? "done" : "ready";
    if (stop.signal.aborted) changePlate(id, { step: back });
    else {
      const problem = error instanceof Problem ? error : new Problem("unexpected", String(error), 0);
      changePlate(id, { step: "failed", problem: { code: problem.code, text: problem.message } });
    }
  } finally {
    stops.delete(id);
  }
}

async function submit(plate: Plate, area: Area, signal: AbortSignal): Promise<string> {
  const { how } = getTable();
  const form = new FormData();
  form.set("file", plate.picture, plate.name);
  form.set("mode", how.mode);
  form.set("sensitivity", String(how.sensitivity));
  form.set("metadata", JSON.stringify({ name: plate.name.slice(0, 200) }));
  if (how.format !== "") form.set("format", how.format);
  if (area.kind === "preset") form.set("preset", area.name);
  if (area.kind === "mask") form.set("mask_file", area.mask, "mask.png");
  for (;;) {
    try {
      const removal = await api.create(
        form,
        (sent) => {
          changePlate(plate.id, { sent });
        },
        signal,
      );
      changePlate(plate.id, { step: "queued", removalId: removal.id });
      return removal.id;
    } catch (error) {
      // A busy server says when to come back; until then the picture waits here.
      if (!(error instanceof Problem) || error.status !== 429 || signal.aborted) throw error;
      await pause(error.retryAfter ?? 2, signal);
    }
  }
}

async function follow(id: string, removalId: string, signal: AbortSignal): ReturnType<typeof api.removal> {
  let wait = 0.3;
  for (;;) {
    const removal = await api.removal(removalId, wait, signal);
    if (removal.state === "done" || removal.state === "failed") return removal;
    changePlate(id, { step: removal.state });
    wait = removal.state === "running" ? PATIENCE : Math.min(PATIENCE, wait * 2);
  }
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });
}

/** Whether it cannot even be sent. */
export function broken(plate: Plate): boolean {
  return plate.step === "failed" && ["tooLarge", "tooManyPixels", "notAPicture"].includes(plate.problem?.code ?? "");
}

/** The pictures that are not clean yet and may become it. */
export function toClean(): Plate[] {
  return getTable().plates.filter((one) => one.step === "ready" || (one.step === "failed" && !broken(one)));
}

/** Clean every picture that is not clean yet, a few at a time. */
export async function cleanAll(sayNothing: string): Promise<void> {
  const waiting = toClean().map((one) => one.id);
  const next = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await cleanPlate(id, sayNothing);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

export function stopPlate(id: string): void {
  const removalId = plateOf(id)?.removalId;
  stops.get(id)?.abort();
  if (removalId != null) void api.cancel(removalId).catch(() => undefined); // it may have ended meanwhile
}

export async function loadMask(id: string, file: File): Promise<void> {
  const plate = plateOf(id);
  if (plate === undefined) return;
  const key = `s${String(++number)}`;
  const image = await darkroom.stencil({ id: key, picture: file, width: plate.width, height: plate.height });
  changePlate(id, (one) => ({
    stencils: new Map(one.stencils).set(key, { image, width: plate.width, height: plate.height }),
  }));
  addPainted(id, { kind: "stencil", id: key });
}

/** Give a picture, or all of them, a preset's region in place of what was painted. */
export function applyPreset(preset: Preset, ids: readonly string[]): void {
  for (const id of ids) {
    changePlate(id, (plate) =>
      busy(plate) ? {} : { preset, painted: [], undone: [], step: plate.step === "reading" ? "reading" : "ready" },
    );
  }
}

export function carryAway(picture: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}

/** The name of a result's file: `holiday-clean.jpg`. */
export function resultName(plate: Plate): string {
  const extension = /\.(\w+)\?/.exec(plate.result?.removal.result?.url ?? "")?.[1] ?? "png";
  return `${plate.name.replace(/\.\w{2,5}$/, "")}-clean.${extension}`;
}

export async function carryAllAway(): Promise<void> {
  const taken = new Set<string>();
  const files = getTable().plates.flatMap((plate) => {
    if (plate.result === null) return [];
    let name = resultName(plate);
    for (let copy = 2; taken.has(name); copy++) name = resultName(plate).replace(/(\.\w+)$/, `-${String(copy)}$1`);
    taken.add(name);
    return [{ name, data: plate.result.picture }];
  });
  carryAway(await darkroom.zip(files), "clean-pictures.zip");
}

export { PREVIEW };
