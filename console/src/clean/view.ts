/** Where a picture lies on the stage: the stage's point is the picture's point times `scale`, plus `x` and `y`. */

export interface View {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const CLOSEST = 8; // stage pixels for one of the picture: 800 %
const MARGIN = 24;

/** The whole picture, in the middle. */
export function fitted(picture: Size, stage: Size): View {
  const scale = Math.min(
    CLOSEST,
    Math.max(0.001, Math.min((stage.width - 2 * MARGIN) / picture.width, (stage.height - 2 * MARGIN) / picture.height)),
  );
  return {
    scale,
    x: (stage.width - picture.width * scale) / 2,
    y: (stage.height - picture.height * scale) / 2,
  };
}

/** Larger or smaller by a factor, with one point of the stage staying where it is. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }, least: number): View {
  const scale = Math.min(CLOSEST, Math.max(Math.min(least, 1), view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

/** Moved, but never so far that nothing of the picture is left in sight. */
export function moved(view: View, dx: number, dy: number, picture: Size, stage: Size): View {
  const keep = 64;
  const clamp = (value: number, length: number, room: number): number =>
    Math.min(room - keep, Math.max(keep - length, value));
  return {
    scale: view.scale,
    x: clamp(view.x + dx, picture.width * view.scale, stage.width),
    y: clamp(view.y + dy, picture.height * view.scale, stage.height),
  };
}

/** The part of a picture that is in sight, in whole pixels; null: none of it. */
export function inSight(view: View, picture: Size, stage: Size): { x: number; y: number; width: number; height: number } | null {
  const x = Math.max(0, Math.floor(-view.x / view.scale));
  const y = Math.max(0, Math.floor(-view.y / view.scale));
  const right = Math.min(picture.width, Math.ceil((stage.width - view.x) / view.scale));
  const bottom = Math.min(picture.height, Math.ceil((stage.height - view.y) / view.scale));
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
}
