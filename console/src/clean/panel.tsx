/** Beside the stage: what was found, how it is cleaned, and doing it. */

import { useRef, useState, type ReactNode } from "react";
import type { Mode } from "../api";
import { Button, Field, Segments, Slider, Wrong } from "../ui/controls";
import { duration } from "../ui/format";
import { inWords } from "../ui/load";
import { useSpeech } from "../words";
import { MarkList } from "./marks";
import { busy, change, changePlate, useTable, type Plate } from "./plates";
import { Presets } from "./presets";
import { stateOf } from "./strip";
import {
  broken,
  carryAllAway,
  carryAway,
  cleanAll,
  cleanPlate,
  loadMask,
  maskOf,
  resultName,
  stopPlate,
  toClean,
} from "./work";

const FORMATS = ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"];
const HELP: Record<Mode, "modeAutoHelp" | "modeUndoHelp" | "modeFillHelp"> = {
  auto: "modeAutoHelp",
  undo: "modeUndoHelp",
  fill: "modeFillHelp",
};

interface Props {
  plate: Plate;
  showMarks: boolean;
  onShowMarks: (show: boolean) => void;
}

export function Panel({ plate, showMarks, onShowMarks }: Props): ReactNode {
  const { say } = useSpeech();
  return (
    <aside className="panel" aria-label={say("how")}>
      <Doing plate={plate} />
      {plate.preview !== null && (
        <section>
          <header>
            <h2>{say("marks")}</h2>
            {plate.result === null && (
              <label className="switch">
                <input
                  type="checkbox"
                  role="switch"
                  checked={showMarks}
                  onChange={(event) => {
                    onShowMarks(event.target.checked);
                  }}
                />
                <span>{say("marksShow")}</span>
              </label>
            )}
          </header>
          <MarkList plate={plate} />
        </section>
      )}
      <HowTo />
      {plate.preview !== null && (
        <>
          <section>
            <h2>{say("presets")}</h2>
            {plate.preset !== null && <p className="help">{say("presetUsed", { name: plate.preset.name })}</p>}
            <Presets plate={plate} />
          </section>
          <MaskFiles plate={plate} />
        </>
      )}
    </aside>
  );
}

function Doing({ plate }: { plate: Plate }): ReactNode {
  const { say, locale } = useSpeech();
  const { plates } = useTable();
  const [packing, setPacking] = useState(false);
  const nothing = say("nothingToClean");
  const waiting = toClean();
  const results = plates.filter((one) => one.result !== null);
  const more = plate.result !== null && (plate.painted.length > plate.result.spent || plate.preset !== null || plate.look.refused.size > 0);
  return (
    <section className="doing">
      <header>
        <h2 className="file-name" title={plate.name}>
          {plate.name}
        </h2>
        <p className="facts">
          {plate.width > 0 && <span>{`${String(plate.width)} × ${String(plate.height)}`}</span>}
          <span role="status">{stateOf(plate, say)}</span>
          {plate.result !== null && plate.step === "done" && <span>{duration(plate.result.seconds, locale)}</span>}
        </p>
      </header>
      {plate.problem !== null && (
        <Wrong
          text={inWords(plate.problem, say)}
          {...(plate.step === "failed" && !broken(plate)
            ? {
                onRetry: () => {
                  void cleanPlate(plate.id, nothing);
                },
              }
            : {})}
        />
      )}
      {busy(plate) ? (
        <Button
          icon="close"
          onClick={() => {
            stopPlate(plate.id);
          }}
        >
          {say("stop")}
        </Button>
      ) : (
        <Button
          look={plate.result === null || more ? "main" : "plain"}
          icon="clean"
          disabled={plate.step === "reading" || broken(plate)}
          onClick={() => {
            void cleanPlate(plate.id, nothing);
          }}
        >
          {plate.result === null ? say("cleanOne") : say("cleanAgain")}
        </Button>
      )}
      {plate.result !== null && (
        <>
          <p className="help">{say("cleanAgainHelp")}</p>
          <Button
            look={more ? "plain" : "main"}
            icon="down"
            onClick={() => {
              if (plate.result !== null) carryAway(plate.result.picture, resultName(plate));
            }}
          >
            {say("download")}
          </Button>
        </>
      )}
      {plates.length > 1 && (
        <div className="all">
          <Button
            disabled={waiting.length === 0}
            onClick={() => {
              void cleanAll(nothing);
            }}
          >
            {say("cleanAll", { count: waiting.length })}
          </Button>
          <Button
            icon="down"
            busy={packing}
            disabled={results.length === 0}
            onClick={() => {
              setPacking(true);
              void carryAllAway().finally(() => {
                setPacking(false);
              });
            }}
          >
            {packing ? say("zipping") : say("downloadAll")}
          </Button>
        </div>
      )}
    </section>
  );
}

function HowTo(): ReactNode {
  const { say } = useSpeech();
  const { how } = useTable();
  return (
    <section>
      <h2>{say("how")}</h2>
      <Segments<Mode>
        label={say("mode")}
        value={how.mode}
        choices={[
          { value: "auto", label: say("modeAuto") },
          { value: "undo", label: say("modeUndo") },
          { value: "fill", label: say("modeFill") },
        ]}
        onChoose={(mode) => {
          change({ how: { ...how, mode } });
        }}
      />
      <p className="help two-lines">{say(HELP[how.mode])}</p>
      <Slider
        label={say("sensitivity")}
        value={how.sensitivity}
        least={0}
        most={1}
        step={0.05}
        shown={how.sensitivity.toFixed(2)}
        low={say("sensitivityLow")}
        high={say("sensitivityHigh")}
        onChange={(sensitivity) => {
          change({ how: { ...how, sensitivity } });
        }}
      />
      <Field label={say("format")}>
        {(id) => (
          <select
            id={id}
            value={how.format}
            onChange={(event) => {
              change({ how: { ...how, format: event.target.value } });
            }}
          >
            <option value="">{say("formatSame")}</option>
            {FORMATS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        )}
      </Field>
    </section>
  );
}

function MaskFiles({ plate }: { plate: Plate }): ReactNode {
  const { say } = useSpeech();
  const input = useRef<HTMLInputElement>(null);
  return (
    <section>
      <h2>{say("maskMenu")}</h2>
      <div className="row">
        <input
          ref={input}
          type="file"
          accept="image/*"
          className="unseen"
          tabIndex={-1}
          aria-label={say("maskUpload")}
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file === undefined) return;
            loadMask(plate.id, file).catch(() => {
              changePlate(plate.id, { problem: { code: "mask", text: say("notAPicture", { name: file.name }) } });
            });
          }}
        />
        <Button icon="up" disabled={busy(plate)} onClick={() => input.current?.click()}>
          {say("maskUpload")}
        </Button>
        <Button
          icon="down"
          disabled={plate.painted.length === 0 && plate.preset === null && plate.look.marks.length === 0}
          onClick={() => {
            void maskOf(plate).then((mask) => {
              if (mask !== null) carryAway(mask, `${plate.name.replace(/\.\w{2,5}$/, "")}-mask.png`);
            });
          }}
        >
          {say("maskSave")}
        </Button>
      </div>
    </section>
  );
}
