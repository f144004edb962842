/** What is to go, as a see-through colour in the preview's size: found marks, a preset, and what is painted. */

import { useEffect, useRef, useState } from "react";
import { paint, placed, type Painted } from "./painting";
import type { Plate } from "./plates";

export interface Overlay {
  canvas: HTMLCanvasElement;
  /** Changes whenever the canvas does. */
  version: number;
}

interface Drawn {
  plate: string;
  under: unknown[];
  painted: readonly Painted[];
}

/**
 * @param plate the picture.
 * @param colour of what is to go.
 * @param withMarks whether found marks are shown.
 * @param spent how much of what is painted is left out, because a result shows it done.
 */
export function useOverlay(plate: Plate, colour: string, withMarks: boolean, spent: number): Overlay | null {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const drawn = useRef<Drawn | null>(null);
  const [version, setVersion] = useState(0);

  useEffect(() => {
    const preview = plate.preview;
    if (preview === null) return;
    canvas.current ??= document.createElement("canvas");
    const context = canvas.current.getContext("2d");
    if (context === null) return;
    const marks = withMarks && plate.result === null;
    const painted = plate.painted.slice(spent);
    const preset = spent === 0 && plate.result === null ? plate.preset : null;
    const under = [plate.look, preset, marks, colour, plate.stencils, preview];
    const before = drawn.current;
    const more =
      before !== null &&
      before.plate === plate.id &&
      before.under.every((one, place) => one === under[place]) &&
      before.painted.every((one, place) => one === painted[place]);
    context.resetTransform();
    if (!more) {
      canvas.current.width = preview.width;
      canvas.current.height = preview.height;
      if (marks) drawMarks(context, plate, colour);
    }
    context.setTransform(preview.width / plate.width, 0, 0, preview.height / plate.height, 0, 0);
    if (!more && preset !== null) {
      for (const one of placed(preset, plate.width, plate.height)) paint(context, one, colour, plate.stencils);
    }
    for (const one of painted.slice(more ? before.painted.length : 0)) {
      if (one.kind === "stencil") drawStencil(context, plate, one.id, colour);
      else paint(context, one, colour, plate.stencils);
    }
    drawn.current = { plate: plate.id, under, painted };
    setVersion((one) => one + 1);
  }, [plate, colour, withMarks, spent]);

  return canvas.current === null ? null : { canvas: canvas.current, version };
}

function drawMarks(context: CanvasRenderingContext2D, plate: Plate, colour: string): void {
  const scale = (plate.preview?.width ?? 1) / plate.width;
  plate.look.shapes.forEach((shape, place) => {
    const box = plate.look.marks[place]?.box;
    if (box === undefined || plate.look.refused.has(place)) return;
    context.drawImage(shape, Math.round(box[0] * scale), Math.round(box[1] * scale));
  });
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

/** A loaded mask is white; here it takes the colour of everything that is to go. */
function drawStencil(context: CanvasRenderingContext2D, plate: Plate, id: string, colour: string): void {
  const stencil = plate.stencils.get(id);
  if (stencil === undefined) return;
  const tinted = document.createElement("canvas");
  tinted.width = stencil.image instanceof ImageBitmap ? stencil.image.width : stencil.width;
  tinted.height = stencil.image instanceof ImageBitmap ? stencil.image.height : stencil.height;
  const inner = tinted.getContext("2d");
  if (inner === null) return;
  inner.drawImage(stencil.image, 0, 0);
  inner.globalCompositeOperation = "source-in";
  inner.fillStyle = colour;
  inner.fillRect(0, 0, tinted.width, tinted.height);
  context.drawImage(tinted, 0, 0, stencil.width, stencil.height);
}
