/** Tools, their size and hardness, undo and redo, zoom. */

import { useEffect, type ReactNode } from "react";
import { IconButton, Slider } from "../ui/controls";
import { useSpeech, type Speech } from "../words";
import { busy, clearPainted, redo, undo, type Plate } from "./plates";
import type { StageHandle } from "./stage";
import { KEYS, TOOLS, type Hand, type Tool } from "./tools";

const NAMES = {
  move: "toolMove",
  brush: "toolBrush",
  eraser: "toolEraser",
  rectangle: "toolRectangle",
  lasso: "toolLasso",
} as const satisfies Record<Tool, Parameters<Speech["say"]>[0]>;

export const SMALLEST = 2;
export const LARGEST = 200;

interface Props {
  plate: Plate;
  hand: Hand;
  onHand: (hand: Hand) => void;
  scale: number;
  stage: { readonly current: StageHandle | null };
}

export function Toolbar({ plate, hand, onHand, scale, stage }: Props): ReactNode {
  const { say } = useSpeech();
  useKeys({ plate, hand, onHand, scale, stage });
  const still = busy(plate);
  const round = hand.tool === "brush" || hand.tool === "eraser";
  return (
    <div className="toolbar">
      <div role="toolbar" aria-label={say("tools")} className="tools">
        {TOOLS.map((tool) => (
          <IconButton
            key={tool}
            icon={tool}
            name={say(NAMES[tool])}
            keys={KEYS[tool]}
            pressed={hand.tool === tool}
            onClick={() => {
              onHand({ ...hand, tool });
            }}
          />
        ))}
        <span className="rule" />
        <IconButton
          icon="undo"
          name={say("undo")}
          keys="Control+Z"
          disabled={still || plate.painted.length === 0}
          onClick={() => {
            undo(plate.id);
          }}
        />
        <IconButton
          icon="redo"
          name={say("redo")}
          keys="Control+Y"
          disabled={still || plate.undone.length === 0}
          onClick={() => {
            redo(plate.id);
          }}
        />
        <IconButton
          icon="trash"
          name={say("clearMask")}
          disabled={still || (plate.painted.length === 0 && plate.preset === null)}
          onClick={() => {
            clearPainted(plate.id);
          }}
        />
      </div>
      <div className="brush" data-on={round}>
        <Slider
          label={say("size")}
          value={hand.size}
          least={SMALLEST}
          most={LARGEST}
          step={1}
          shown={`${String(hand.size)} px`}
          onChange={(size) => {
            onHand({ ...hand, size });
          }}
        />
        <Slider
          label={say("hardness")}
          value={hand.hardness}
          least={0}
          most={1}
          step={0.05}
          shown={`${String(Math.round(hand.hardness * 100))} %`}
          onChange={(hardness) => {
            onHand({ ...hand, hardness });
          }}
        />
      </div>
      <div className="zoom" role="group" aria-label={say("zoom")}>
        <IconButton icon="minus" name={say("zoomOut")} keys="-" onClick={() => stage.current?.zoom(1 / 1.5)} />
        <button type="button" className="percent" title={say("zoomFull")} aria-label={`${String(Math.round(scale * 100))} %. ${say("zoomFull")}`} onClick={() => stage.current?.full()}>
          {Math.round(scale * 100)} %
        </button>
        <IconButton icon="plus" name={say("zoomIn")} keys="+" onClick={() => stage.current?.zoom(1.5)} />
        <IconButton icon="fit" name={say("zoomFit")} keys="0" onClick={() => stage.current?.fit()} />
      </div>
    </div>
  );
}

/** Keys that work wherever one is on the page, except where one writes. */
function useKeys({ plate, hand, onHand, stage }: Props): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (target.closest("input:not([type=range]):not([type=radio]):not([type=checkbox]), textarea, select, dialog") !== null) return;
      const key = event.key.toLowerCase();
      if (event.ctrlKey || event.metaKey) {
        if (busy(plate) || (key !== "z" && key !== "y")) return;
        event.preventDefault();
        if (key === "y" || event.shiftKey) redo(plate.id);
        else undo(plate.id);
        return;
      }
      if (event.altKey) return;
      const tool = TOOLS.find((one) => KEYS[one].toLowerCase() === key);
      if (tool !== undefined) onHand({ ...hand, tool });
      else if (key === "[") onHand({ ...hand, size: Math.max(SMALLEST, Math.round(hand.size / 1.2)) });
      else if (key === "]") onHand({ ...hand, size: Math.min(LARGEST, Math.round(hand.size * 1.2) + 1) });
      else if (key === "+" || key === "=") stage.current?.zoom(1.5);
      else if (key === "-") stage.current?.zoom(1 / 1.5);
      else if (key === "0") stage.current?.fit();
      else if (key === "1") stage.current?.full();
    };
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("keydown", onKey);
    };
  }, [plate, hand, onHand, stage]);
}
