/** The pictures on the table in small, each with how far it is. */

import type { ReactNode } from "react";
import { Button, IconButton } from "../ui/controls";
import { Icon } from "../ui/icons";
import { useSpeech, type Speech } from "../words";
import { change, useTable, type Plate } from "./plates";
import { takeAway } from "./work";

export function stateOf(plate: Plate, say: Speech["say"]): string {
  switch (plate.step) {
    case "reading":
      return say("stateReading");
    case "ready":
      return say("stateReady");
    case "sending":
      return say("stateSending", { percent: Math.round(plate.sent * 100) });
    case "queued":
      return say("stateQueued");
    case "running":
      return say("stateRunning");
    case "done":
      return plate.result?.removal.result?.changed === false ? say("stateUnchanged") : say("stateDone");
    case "failed":
      return say("stateFailed");
  }
}

const SHARES: Record<Plate["step"], number> = { reading: 0, ready: 0, sending: 0, queued: 0.5, running: 0.75, done: 1, failed: 1 };

export function Strip({ onAdd }: { onAdd: () => void }): ReactNode {
  const { plates, chosen } = useTable();
  const { say } = useSpeech();
  return (
    <section className="strip" aria-label={say("pictures")}>
      <ul>
        {plates.map((plate) => {
          const share = plate.step === "sending" ? plate.sent / 2 : SHARES[plate.step];
          return (
            <li key={plate.id} data-step={plate.step}>
              <button
                type="button"
                className="thumb"
                aria-current={plate.id === chosen}
                aria-label={`${plate.name}: ${stateOf(plate, say)}`}
                title={plate.name}
                onClick={() => {
                  change({ chosen: plate.id });
                }}
              >
                <span className="thumb-picture">
                  {plate.thumbnail === null ? <Icon name="picture" size={22} /> : <img src={plate.thumbnail} alt="" />}
                  {plate.step === "done" && (
                    <span className="badge">
                      <Icon name="check" size={14} />
                    </span>
                  )}
                  {plate.step === "failed" && (
                    <span className="badge bad">
                      <Icon name="alert" size={14} />
                    </span>
                  )}
                </span>
                <span className="thumb-state">{stateOf(plate, say)}</span>
                <progress max={1} value={share} aria-hidden="true" />
              </button>
              <IconButton
                icon="close"
                name={say("remove", { name: plate.name })}
                className="thumb-remove"
                onClick={() => {
                  takeAway(plate.id);
                }}
              />
            </li>
          );
        })}
        <li>
          <button type="button" className="thumb add" onClick={onAdd}>
            <span className="thumb-picture">
              <Icon name="plus" size={22} />
            </span>
            <span className="thumb-state">{say("addPictures")}</span>
          </button>
        </li>
      </ul>
      {plates.length > 1 && (
        <Button
          look="quiet"
          icon="trash"
          onClick={() => {
            for (const one of plates) takeAway(one.id);
          }}
        >
          {say("clearAll")}
        </Button>
      )}
    </section>
  );
}
