/** The stage: the picture, what is painted over it, and painting. Loaded when the first picture is there. */

import type Konva from "konva";
import {
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type Ref,
} from "react";
import { Circle, Group, Image, Layer, Line, Rect, Stage as KonvaStage } from "react-konva";
import { darkroom } from "./darkroom";
import { useOverlay } from "./overlay";
import { placed, type Painted } from "./painting";
import { addPainted, busy, type Plate } from "./plates";
import type { Hand, Shown } from "./tools";
import { fitted, inSight, moved, zoomed, type Size, type View } from "./view";

export interface StageHandle {
  zoom: (factor: number) => void;
  fit: () => void;
  full: () => void;
}

interface Props {
  plate: Plate;
  hand: Hand;
  shown: Shown;
  showMarks: boolean;
  name: string;
  split: number;
  colour: string;
  onScale: (scale: number) => void;
  onPen: (down: boolean) => void;
  ref: Ref<StageHandle>;
}

interface Tile {
  key: string;
  x: number;
  y: number;
  width: number;
  height: number;
  image: ImageBitmap;
}

interface Point {
  x: number;
  y: number;
}

const STILL = 140; // milliseconds without movement after which what is in sight is drawn sharply
const STEP = 12; // stage pixels by which an arrow key moves the brush
const ARROWS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

export default function Stage(props: Props): ReactNode {
  const { plate, hand, shown, onScale, onPen } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [view, setView] = useState<View>({ scale: 1, x: 0, y: 0 });
  const picture = useMemo<Size>(() => ({ width: plate.width, height: plate.height }), [plate.width, plate.height]);
  const least = useMemo(() => fitted(picture, size).scale, [picture, size]);

  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    if (frame.current !== null) watch.observe(frame.current);
    return () => {
      watch.disconnect();
    };
  }, []);

  const fit = useCallback(() => {
    setView(fitted(picture, size));
  }, [picture, size]);
  useEffect(fit, [fit, plate.id]);
  useEffect(() => {
    onScale(view.scale);
  }, [view.scale, onScale]);

  const middle = useMemo(() => ({ x: size.width / 2, y: size.height / 2 }), [size]);
  useImperativeHandle(
    props.ref,
    () => ({
      zoom: (factor) => {
        setView((one) => zoomed(one, factor, middle, least));
      },
      fit,
      full: () => {
        setView((one) => zoomed(one, 1 / one.scale, middle, least));
      },
    }),
    [fit, middle, least],
  );

  const painting = usePainting(props, view, setView, least, size);
  useWheel(frame, setView, least);
  const pinch = usePinch(frame, setView, least, painting.drop);
  const after = shown === "original" ? null : (plate.result?.preview ?? null);
  const wantsDifference = shown === "difference";
  const difference = useDifference(wantsDifference ? plate.preview : null, wantsDifference ? after : null);
  const tiles = useTiles(plate, view, size, shown);
  const overlay = useOverlay(plate, props.colour, props.showMarks, shown === "original" ? 0 : (plate.result?.spent ?? 0));
  const boundary = (props.split * size.width - view.x) / view.scale;
  const group = { x: view.x, y: view.y, scaleX: view.scale, scaleY: view.scale, listening: false };
  const sharp = view.scale < 2;

  const onDown = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    if (pinch.down(event)) return;
    if (hand.tool === "move" || event.button === 1 || painting.spaced.current) painting.grab(event);
    else if (event.button === 0 || event.button === 5) painting.begin(event);
  };

  return (
    <div
      ref={frame}
      className="stage"
      role="application"
      aria-label={props.name}
      aria-roledescription="canvas"
      tabIndex={0}
      data-tool={hand.tool}
      data-shown={shown}
      onPointerDown={onDown}
      onPointerMove={(event) => {
        if (!pinch.move(event)) painting.move(event);
      }}
      onPointerUp={(event) => {
        pinch.up(event);
        painting.end();
      }}
      onPointerCancel={(event) => {
        pinch.up(event);
        painting.drop();
      }}
      onPointerLeave={painting.leave}
      onKeyDown={(event) => {
        painting.key(event, onPen, (dx, dy) => {
          setView((one) => moved(one, dx, dy, picture, size));
        });
      }}
      onKeyUp={(event) => {
        if (event.key === " ") painting.spaced.current = false;
      }}
      onBlur={painting.leave}
    >
      {size.width > 0 && plate.preview !== null && (
        <KonvaStage width={size.width} height={size.height} listening={false}>
          <Layer listening={false} imageSmoothingEnabled={sharp}>
            <Group {...group}>
              <Image image={plate.preview} width={picture.width} height={picture.height} />
              {tiles.before !== null && <Image {...tiles.before} />}
            </Group>
            {after !== null && shown !== "difference" && (
              <Group
                {...group}
                {...(shown === "slider"
                  ? { clipX: boundary, clipY: 0, clipWidth: Math.max(0, picture.width - boundary), clipHeight: picture.height }
                  : {})}
              >
                <Image image={after} width={picture.width} height={picture.height} />
                {tiles.after !== null && <Image {...tiles.after} />}
              </Group>
            )}
            {difference !== null && (
              <Group {...group}>
                <Image image={difference} width={picture.width} height={picture.height} />
              </Group>
            )}
          </Layer>
          <Layer listening={false}>
            {overlay !== null && shown !== "difference" && (
              <Group {...group}>
                <Image
                  key={overlay.version}
                  image={overlay.canvas}
                  width={picture.width}
                  height={picture.height}
                  opacity={0.55}
                />
                {props.showMarks && plate.result === null && <Marks plate={plate} scale={view.scale} colour={props.colour} />}
              </Group>
            )}
          </Layer>
          <Layer listening={false} ref={painting.layer}>
            <Group {...group}>
              <Line
                ref={painting.line}
                listening={false}
                stroke={props.colour}
                lineCap="round"
                lineJoin="round"
                opacity={0.55}
                visible={false}
              />
              <Rect ref={painting.rectangle} stroke={props.colour} strokeScaleEnabled={false} strokeWidth={1.5} visible={false} />
            </Group>
            <Circle ref={painting.ring} stroke="#fff" strokeWidth={1.25} shadowColor="#000" shadowBlur={2} visible={false} />
          </Layer>
        </KonvaStage>
      )}
    </div>
  );
}

/** A frame around each mark: full where it goes, broken where it is to stay. */
function Marks({ plate, scale, colour }: { plate: Plate; scale: number; colour: string }): ReactNode {
  const frames = plate.preset === null ? [] : placed(plate.preset, plate.width, plate.height);
  return (
    <>
      {plate.look.marks.map((mark, place) => {
        const refused = plate.look.refused.has(place);
        const room = 4 / scale;
        return (
          <Rect
            key={place}
            x={mark.box[0] - room}
            y={mark.box[1] - room}
            width={mark.box[2] + 2 * room}
            height={mark.box[3] + 2 * room}
            stroke={refused ? "#c9c9c4" : colour}
            strokeWidth={1.5}
            strokeScaleEnabled={false}
            dash={refused ? [4, 4] : []}
          />
        );
      })}
      {frames.map(({ kind: _, ...sides }, place) => (
        <Rect key={`f${String(place)}`} {...sides} stroke={colour} strokeWidth={1.5} strokeScaleEnabled={false} />
      ))}
    </>
  );
}

/** Painting with the chosen tool, by pointer and by keys; what is being painted is drawn without React. */
function usePainting(props: Props, view: View, setView: (view: View) => void, least: number, size: Size) {
  const { plate, hand } = props;
  const layer = useRef<Konva.Layer>(null);
  const line = useRef<Konva.Line>(null);
  const rectangle = useRef<Konva.Rect>(null);
  const ring = useRef<Konva.Circle>(null);
  const spaced = useRef(false);
  const held = useRef<{ points: number[]; erases: boolean } | null>(null);
  const grabbed = useRef<{ x: number; y: number; view: View } | null>(null);
  const cursor = useRef<Point | null>(null);
  const now = useRef({ view, hand, plate });
  now.current = { view, hand, plate };

  // The brush is as large on every picture when that is fitted, and grows with what one sees of it.
  const diameter = hand.size / least;

  const at = (event: { clientX: number; clientY: number; currentTarget: EventTarget & Element }): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const inside = (point: Point): Point => ({
    x: (point.x - now.current.view.x) / now.current.view.scale,
    y: (point.y - now.current.view.y) / now.current.view.scale,
  });

  const showRing = (point: Point | null): void => {
    const round = hand.tool === "brush" || hand.tool === "eraser";
    ring.current?.setAttrs({
      visible: point !== null && hand.tool !== "move",
      radius: round ? Math.max(2, (diameter * now.current.view.scale) / 2) : 5,
      ...(point ?? {}),
    });
    layer.current?.batchDraw();
  };

  const draw = (): void => {
    const one = held.current;
    const visible = one !== null;
    if (hand.tool === "rectangle") {
      const [x0 = 0, y0 = 0] = one?.points ?? [];
      const [x1 = x0, y1 = y0] = one?.points.slice(-2) ?? [];
      rectangle.current?.setAttrs({
        visible,
        x: Math.min(x0, x1),
        y: Math.min(y0, y1),
        width: Math.abs(x1 - x0),
        height: Math.abs(y1 - y0),
      });
    } else {
      const lasso = hand.tool === "lasso";
      line.current?.setAttrs({
        visible,
        points: one?.points ?? [],
        strokeWidth: lasso ? 1.5 / now.current.view.scale : diameter,
        closed: lasso,
        stroke: one?.erases === true ? "#fff" : props.colour,
        fill: lasso ? props.colour : "",
      });
    }
    layer.current?.batchDraw();
  };

  const start = (point: Point, erases: boolean): void => {
    if (busy(plate)) return;
    const { x, y } = inside(point);
    held.current = { points: [x, y], erases };
    draw();
  };

  const add = (point: Point): void => {
    const one = held.current;
    if (one === null) return;
    const { x, y } = inside(point);
    if (hand.tool === "rectangle") one.points = [...one.points.slice(0, 2), x, y];
    else one.points.push(x, y);
    draw();
  };

  const end = (): void => {
    grabbed.current = null;
    const one = held.current;
    held.current = null;
    draw();
    const made = one === null ? null : finished(one.points, one.erases, hand, diameter, plate);
    if (made !== null) addPainted(plate.id, made);
  };

  const drop = (): void => {
    held.current = null;
    grabbed.current = null;
    draw();
  };

  return {
    layer,
    line,
    rectangle,
    ring,
    spaced,
    drop,
    end,
    grab: (event: PointerEvent<HTMLDivElement>) => {
      grabbed.current = { ...at(event), view: now.current.view };
    },
    begin: (event: PointerEvent<HTMLDivElement>) => {
      start(at(event), hand.tool === "eraser" || event.button === 5);
    },
    move: (event: PointerEvent<HTMLDivElement>) => {
      const point = at(event);
      if (grabbed.current !== null) {
        const from = grabbed.current;
        setView(moved(from.view, point.x - from.x, point.y - from.y, plate, size));
        return;
      }
      cursor.current = point;
      showRing(event.pointerType === "touch" ? null : point);
      if (held.current === null) return;
      const all = event.nativeEvent.getCoalescedEvents();
      for (const one of all.length > 0 ? all : [event.nativeEvent]) {
        add(at({ clientX: one.clientX, clientY: one.clientY, currentTarget: event.currentTarget }));
      }
    },
    leave: () => {
      showRing(null);
    },
    key: (event: KeyboardEvent<HTMLDivElement>, onPen: (down: boolean) => void, pan: (dx: number, dy: number) => void) => {
      const step = event.shiftKey ? STEP * 5 : STEP;
      const { x: dx, y: dy } = ARROWS[event.key] ?? { x: 0, y: 0 };
      if (event.key === " ") {
        spaced.current = true;
        event.preventDefault();
      } else if (dx !== 0 || dy !== 0) {
        event.preventDefault();
        if (hand.tool === "move") {
          pan(-dx * step, -dy * step);
          return;
        }
        const from = cursor.current ?? { x: size.width / 2, y: size.height / 2 };
        cursor.current = {
          x: Math.min(size.width, Math.max(0, from.x + dx * step)),
          y: Math.min(size.height, Math.max(0, from.y + dy * step)),
        };
        showRing(cursor.current);
        add(cursor.current);
      } else if (event.key === "Enter" && hand.tool !== "move") {
        event.preventDefault();
        if (held.current === null) {
          cursor.current ??= { x: size.width / 2, y: size.height / 2 };
          showRing(cursor.current);
          start(cursor.current, hand.tool === "eraser");
          onPen(held.current !== null);
        } else {
          end();
          onPen(false);
        }
      } else if (event.key === "Escape" && held.current !== null) {
        event.stopPropagation();
        drop();
        onPen(false);
      }
    },
  };
}

/** What a finished movement has painted; null: too little to mean anything. */
function finished(points: number[], erases: boolean, hand: Hand, diameter: number, plate: Plate): Painted | null {
  if (erases || hand.tool === "brush") {
    return { kind: erases ? "eraser" : "brush", points, size: diameter, hardness: hand.hardness };
  }
  if (hand.tool === "lasso") return points.length >= 6 ? { kind: "lasso", points } : null;
  const [x0 = 0, y0 = 0, x1 = x0, y1 = y0] = points;
  const left = Math.max(0, Math.round(Math.min(x0, x1)));
  const top = Math.max(0, Math.round(Math.min(y0, y1)));
  const width = Math.min(plate.width, Math.round(Math.max(x0, x1))) - left;
  const height = Math.min(plate.height, Math.round(Math.max(y0, y1))) - top;
  return width > 1 && height > 1 ? { kind: "rectangle", x: left, y: top, width, height } : null;
}

/** Zooming by wheel and track pad; React's own listener could not keep the page from scrolling. */
function useWheel(
  frame: { readonly current: HTMLDivElement | null },
  setView: (change: View | ((view: View) => View)) => void,
  least: number,
): void {
  useEffect(() => {
    const element = frame.current;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const box = element?.getBoundingClientRect();
      const at = { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018));
      setView((one) => zoomed(one, factor, at, least));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      element?.removeEventListener("wheel", onWheel);
    };
  }, [frame, setView, least]);
}

/** Two fingers move and zoom; the stroke that the first one began is dropped. */
function usePinch(
  frame: { readonly current: HTMLDivElement | null },
  setView: (change: (view: View) => View) => void,
  least: number,
  drop: () => void,
) {
  const fingers = useRef(new Map<number, Point>());
  const gap = (): { at: Point; distance: number } => {
    const [one, other] = [...fingers.current.values()];
    const box = frame.current?.getBoundingClientRect();
    if (one === undefined || other === undefined) return { at: { x: 0, y: 0 }, distance: 1 };
    return {
      at: { x: (one.x + other.x) / 2 - (box?.left ?? 0), y: (one.y + other.y) / 2 - (box?.top ?? 0) },
      distance: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)),
    };
  };
  return {
    down: (event: PointerEvent): boolean => {
      if (event.pointerType !== "touch") return false;
      fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (fingers.current.size < 2) return false;
      drop();
      return true;
    },
    move: (event: PointerEvent): boolean => {
      if (!fingers.current.has(event.pointerId)) return false;
      if (fingers.current.size < 2) {
        fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
        return false;
      }
      const before = gap();
      fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      const after = gap();
      setView((one) => {
        const larger = zoomed(one, after.distance / before.distance, before.at, least);
        return { ...larger, x: larger.x + after.at.x - before.at.x, y: larger.y + after.at.y - before.at.y };
      });
      return true;
    },
    up: (event: PointerEvent): void => {
      fingers.current.delete(event.pointerId);
    },
  };
}

/** What is different between two previews, amplified. */
function useDifference(before: ImageBitmap | null, after: ImageBitmap | null): ImageBitmap | null {
  const [made, setMade] = useState<ImageBitmap | null>(null);
  useEffect(() => {
    if (before === null || after === null) return undefined;
    let wanted = true;
    void darkroom.difference(before, after).then((image) => {
      if (wanted) setMade(image);
      else image.close();
    });
    return () => {
      wanted = false;
      setMade(null);
    };
  }, [before, after]);
  return made;
}

/** What is in sight, from the whole picture, once the preview is too coarse for it and the hand is still. */
function useTiles(plate: Plate, view: View, size: Size, shown: Shown): { before: Tile | null; after: Tile | null } {
  const [before, setBefore] = useState<Tile | null>(null);
  const [after, setAfter] = useState<Tile | null>(null);
  const result = plate.result;

  useEffect(() => {
    const ratio = window.devicePixelRatio;
    const preview = plate.preview;
    setBefore(null);
    setAfter(null);
    if (preview === null || size.width === 0) return undefined;
    const coarse = preview.width < plate.width && view.scale * ratio > (preview.width / plate.width) * 1.05;
    const sight = coarse ? inSight(view, plate, size) : null;
    if (sight === null || shown === "difference") return undefined;
    let wanted = true;
    const get = async (key: string, picture: Blob, set: (tile: Tile) => void): Promise<void> => {
      const image = await darkroom.tile({ key, picture, ...sight, scale: Math.min(1, view.scale * ratio) });
      if (wanted) set({ key, ...sight, image });
      else image.close();
    };
    const timer = setTimeout(() => {
      if (shown !== "result" || result === null) void get(plate.id, plate.picture, setBefore);
      if (shown !== "original" && result !== null) void get(`${plate.id}-${result.removal.id}`, result.picture, setAfter);
    }, STILL);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [plate, result, view, size, shown]);

  return { before, after };
}
