/** Looking at a result: which of the two, or both with a boundary between them that can be moved. */

import type { KeyboardEvent, PointerEvent, ReactNode } from "react";
import { Segments } from "../ui/controls";
import { useSpeech } from "../words";
import type { Shown } from "./tools";

export function ViewBar({ shown, onShown, possible }: { shown: Shown; onShown: (shown: Shown) => void; possible: boolean }): ReactNode {
  const { say } = useSpeech();
  return (
    <div className="view-bar">
      <Segments<Shown>
        label={say("view")}
        hideLabel
        value={shown}
        choices={[
          { value: "original", label: say("viewOriginal") },
          { value: "result", label: say("viewResult"), disabled: !possible },
          { value: "slider", label: say("viewSlider"), disabled: !possible },
          { value: "difference", label: say("viewDifference"), disabled: !possible },
        ]}
        onChoose={onShown}
      />
    </div>
  );
}

/** The boundary over the stage; `split` is its place, 0 to 1 from the left. */
export function Boundary({ split, onSplit }: { split: number; onSplit: (split: number) => void }): ReactNode {
  const { say } = useSpeech();
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.parentElement?.getBoundingClientRect();
    if (box !== undefined) onSplit(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  };
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onSplit(Math.min(1, Math.max(0, split + step)));
  };
  return (
    <div
      className="boundary"
      role="slider"
      tabIndex={0}
      aria-label={say("sliderName")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(split * 100)}
      style={{ left: `${String(split * 100)}%` }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus();
      }}
      onPointerMove={drag}
      onKeyDown={key}
    >
      <span className="tag before">{say("before")}</span>
      <span className="knob" />
      <span className="tag after">{say("after")}</span>
    </div>
  );
}
