/**
 * What is painted over a picture, and painting it: the same code draws the preview on the page and the mask at
 * full size in the darkroom. Coordinates are pixels of the upright picture, whatever it is painted on.
 */

import type { Sides } from "../api";

export interface Stroke {
  kind: "brush" | "eraser";
  /** x, y, x, y, … */
  points: number[];
  /** Diameter. */
  size: number;
  /** 0 to 1: how much of the diameter is full; the rest fades out. */
  hardness: number;
}

export interface Rectangle extends Sides {
  kind: "rectangle";
}

export interface Lasso {
  kind: "lasso";
  points: number[];
}

/** A mask that was loaded: where it is opaque is painted. */
export interface Stencil {
  kind: "stencil";
  id: string;
}

export type Painted = Stroke | Rectangle | Lasso | Stencil;
export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const RINGS = 8; // of which a soft edge is made

/**
 * Paint on top of what is there.
 *
 * @param context whose units are the picture's pixels.
 * @param one what is painted.
 * @param colour of it; erasing takes away whatever the colour.
 * @param stencils the loaded masks by id, each as large as the picture once drawn.
 */
export function paint(
  context: Context,
  one: Painted,
  colour: string,
  stencils: ReadonlyMap<string, { image: CanvasImageSource; width: number; height: number }>,
): void {
  context.save();
  context.fillStyle = colour;
  context.strokeStyle = colour;
  if (one.kind === "rectangle") {
    context.fillRect(one.x, one.y, one.width, one.height);
  } else if (one.kind === "lasso") {
    outline(context, one.points);
    context.fill();
  } else if (one.kind === "stencil") {
    const stencil = stencils.get(one.id);
    if (stencil !== undefined) context.drawImage(stencil.image, 0, 0, stencil.width, stencil.height);
  } else {
    if (one.kind === "eraser") context.globalCompositeOperation = "destination-out";
    stroke(context, one);
  }
  context.restore();
}

function outline(context: Context, points: readonly number[]): void {
  context.beginPath();
  for (let place = 0; place + 1 < points.length; place += 2) {
    context.lineTo(points[place] ?? 0, points[place + 1] ?? 0);
  }
}

/**
 * Strokes of shrinking width over each other, each so opaque that the edge fades out evenly; a single path does not
 * darken where it crosses itself, as many separate dabs would.
 */
function stroke(context: Context, one: Stroke): void {
  const rings = one.hardness >= 1 ? 1 : RINGS;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (let ring = 0; ring < rings; ring++) {
    const inwards = rings === 1 ? 0 : ring / (rings - 1);
    context.lineWidth = Math.max(1, one.size * (1 - inwards * (1 - one.hardness)));
    context.globalAlpha = 1 / (rings - ring);
    outline(context, one.points);
    if (one.points.length === 2) context.lineTo(one.points[0] ?? 0, one.points[1] ?? 0);
    context.stroke();
  }
}

/** A preset's rectangles in a picture of this size, in pixels from the top left. */
export function placed(
  preset: { rectangles: readonly Sides[]; unit: "pixel" | "fraction"; anchor: string },
  width: number,
  height: number,
): Rectangle[] {
  const [across, down] = preset.unit === "fraction" ? [width, height] : [1, 1];
  return preset.rectangles.map((one) => {
    const sides = { width: one.width * across, height: one.height * down };
    const x = one.x * across;
    const y = one.y * down;
    return {
      kind: "rectangle",
      ...sides,
      x: preset.anchor.endsWith("right") ? width - x - sides.width : x,
      y: preset.anchor.startsWith("bottom") ? height - y - sides.height : y,
    };
  });
}

/** The opposite of `placed`: rectangles as a preset keeps them. */
export function kept(
  rectangles: readonly Rectangle[],
  width: number,
  height: number,
  unit: "pixel" | "fraction",
  anchor: string,
): Sides[] {
  const [across, down] = unit === "fraction" ? [width, height] : [1, 1];
  const round = (value: number): number => (unit === "fraction" ? Number(value.toFixed(6)) : Math.round(value));
  return rectangles.map((one) => ({
    x: round((anchor.endsWith("right") ? width - one.x - one.width : one.x) / across),
    y: round((anchor.startsWith("bottom") ? height - one.y - one.height : one.y) / down),
    width: round(one.width / across),
    height: round(one.height / down),
  }));
}
