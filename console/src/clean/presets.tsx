/** Regions that the account keeps under a name: applied to one picture or all, made of drawn rectangles. */

import { useState, type ReactNode } from "react";
import { api, type Anchor, type Preset } from "../api";
import { Button, Dialog, Field, IconButton, NameField, Segments, Waiting, Wrong } from "../ui/controls";
import { asProblem, inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";
import { kept, type Rectangle } from "./painting";
import { getTable, type Plate } from "./plates";
import { applyPreset } from "./work";

const ANCHORS = { "top-left": "topLeft", "top-right": "topRight", "bottom-left": "bottomLeft", "bottom-right": "bottomRight" } as const;

export function Presets({ plate }: { plate: Plate }): ReactNode {
  const { say } = useSpeech();
  const { value, problem, reload } = useLoaded(api.presets);
  const [naming, setNaming] = useState(false);
  const rectangles = plate.painted.filter((one): one is Rectangle => one.kind === "rectangle");
  return (
    <>
      {problem !== null && <Wrong text={inWords(problem, say)} onRetry={reload} />}
      {value === null && problem === null && <Waiting lines={1} />}
      {value?.length === 0 && <p className="help">{say("presetNone")}</p>}
      <ul className="presets">
        {value?.map((preset) => (
          <li key={preset.id}>
            <span title={preset.name}>{preset.name}</span>
            <Button
              look="quiet"
              onClick={() => {
                applyPreset(preset, [plate.id]);
              }}
            >
              {say("presetApply")}
            </Button>
            {getTable().plates.length > 1 && (
              <Button
                look="quiet"
                onClick={() => {
                  applyPreset(preset, getTable().plates.map((one) => one.id));
                }}
              >
                {say("presetApplyAll")}
              </Button>
            )}
            <IconButton
              icon="trash"
              name={say("presetDelete", { name: preset.name })}
              onClick={() => {
                void api.deletePreset(preset.id).then(reload, reload);
              }}
            />
          </li>
        ))}
      </ul>
      <Button
        icon="plus"
        disabled={rectangles.length === 0}
        title={rectangles.length === 0 ? say("presetNeedsRectangles") : undefined}
        onClick={() => {
          setNaming(true);
        }}
      >
        {say("presetSave")}
      </Button>
      <NewPreset
        open={naming}
        plate={plate}
        rectangles={rectangles}
        onClose={() => {
          setNaming(false);
        }}
        onMade={reload}
      />
    </>
  );
}

interface NewProps {
  open: boolean;
  plate: Plate;
  rectangles: readonly Rectangle[];
  onClose: () => void;
  onMade: (preset: Preset) => void;
}

function NewPreset({ open, plate, rectangles, onClose, onMade }: NewProps): ReactNode {
  const { say } = useSpeech();
  const [name, setName] = useState("");
  const [unit, setUnit] = useState<"pixel" | "fraction">("pixel");
  const [anchor, setAnchor] = useState<Anchor>("bottom-right");
  const [wrong, setWrong] = useState<string | null>(null);
  const save = async (): Promise<void> => {
    try {
      onMade(
        await api.createPreset({
          name: name.trim(),
          unit,
          anchor,
          rectangles: kept(rectangles, plate.width, plate.height, unit, anchor),
        }),
      );
      setName("");
      setWrong(null);
      onClose();
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
  };
  return (
    <Dialog title={say("presetSave")} open={open} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <NameField label={say("presetName")} value={name} onChange={setName} />
        <Field label={say("presetAnchor")}>
          {(id) => (
            <select
              id={id}
              value={anchor}
              onChange={(event) => {
                setAnchor(event.target.value as Anchor);
              }}
            >
              {(Object.keys(ANCHORS) as Anchor[]).map((one) => (
                <option key={one} value={one}>
                  {say(ANCHORS[one])}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Segments
          label={say("presetUnit")}
          value={unit}
          choices={[
            { value: "pixel", label: say("presetPixels") },
            { value: "fraction", label: say("presetFractions") },
          ]}
          onChoose={setUnit}
        />
        {wrong !== null && <Wrong text={wrong} />}
        <footer>
          <Button onClick={onClose}>{say("cancel")}</Button>
          <Button look="main" type="submit">
            {say("save")}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
