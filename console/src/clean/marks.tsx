/** The marks that were found, each of which goes or stays. */

import type { ReactNode } from "react";
import { Waiting, Wrong } from "../ui/controls";
import { inWords } from "../ui/load";
import { useSpeech } from "../words";
import type { Plate } from "./plates";
import { lookAt, refuseMark } from "./work";

const KINDS = { tiled: "markTiled", "see-through": "markSeeThrough", opaque: "markOpaque" } as const;

export function MarkList({ plate }: { plate: Plate }): ReactNode {
  const { say } = useSpeech();
  const { look } = plate;
  if (look.state === "looking" || (look.state === "none" && plate.preview !== null && plate.result === null)) {
    return (
      <>
        <p className="help" role="status">
          {say("marksLooking")}
        </p>
        <Waiting lines={1} />
      </>
    );
  }
  if (look.state === "failed" && look.problem !== null) {
    return (
      <Wrong
        text={say("marksFailed", { reason: inWords(look.problem, say) })}
        onRetry={() => {
          void lookAt(plate.id);
        }}
      />
    );
  }
  if (look.marks.length === 0) {
    return plate.result === null ? <p className="help">{say("marksNone")}</p> : null;
  }
  return (
    <ul className="marks">
      {look.marks.map((mark, place) => (
        <li key={place}>
          <label>
            <input
              type="checkbox"
              checked={!look.refused.has(place)}
              aria-label={say("markAccept", { number: place + 1 })}
              onChange={(event) => {
                refuseMark(plate.id, place, !event.target.checked);
              }}
            />
            <svg className="swatch" viewBox="0 0 10 10" aria-hidden="true">
              <circle cx="5" cy="5" r="4.500" fill={mark.colour} />
            </svg>
            <span>
              {place + 1}. {say(KINDS[mark.kind])}
            </span>
            <small>
              {say("markMeta", { opacity: Math.round(mark.opacity * 100), confidence: Math.round(mark.confidence * 100) })}
            </small>
          </label>
        </li>
      ))}
    </ul>
  );
}
