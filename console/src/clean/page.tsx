/** The page where pictures are cleaned. */

import { lazy, useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { useSigned } from "../session";
import { Button } from "../ui/controls";
import { Icon } from "../ui/icons";
import { colourOf, useShade } from "../ui/look";
import { Part } from "../ui/part";
import { useSpeech } from "../words";
import { Boundary, ViewBar } from "./compare";
import { FilePicker, FromUrl, useIntake } from "./intake";
import { Panel } from "./panel";
import { busy, change, getTable, plateOf, useTable, type Plate } from "./plates";
import type { StageHandle } from "./stage";
import { Strip } from "./strip";
import { Toolbar } from "./toolbar";
import type { Hand, Shown } from "./tools";
import { broken, lookAt } from "./work";

const Stage = lazy(() => import("./stage"));
const SETTLED = 400; // milliseconds after the last change of the sensitivity

let started = false;

export function Clean(): ReactNode {
  const { session } = useSigned();
  const { say } = useSpeech();
  const { plates, chosen } = useTable();
  const { dragging, take } = useIntake();
  const [fromUrl, setFromUrl] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const plate = chosen === null ? undefined : plateOf(chosen);

  useEffect(() => {
    if (started || session?.limits == null) return;
    started = true;
    change({ how: { ...getTable().how, sensitivity: session.limits.sensitivity } });
  }, [session]);

  const choose = (): void => {
    input.current?.click();
  };
  return (
    <div className="table" data-empty={plates.length === 0}>
      <h1 className="unseen">{say("clean")}</h1>
      <FilePicker input={input} onTake={take} label={say("choose")} />
      {plate === undefined ? (
        <div className="drop-zone">
          <Icon name="picture" size={44} />
          <h2>{say("dropTitle")}</h2>
          <p>{say("dropMore")}</p>
          <div className="row">
            <Button look="main" icon="plus" onClick={choose}>
              {say("choose")}
            </Button>
            <Button
              icon="link"
              onClick={() => {
                setFromUrl(true);
              }}
            >
              {say("byUrl")}
            </Button>
          </div>
          <p className="small">{say("rights")}</p>
        </div>
      ) : (
        <>
          <Workplace plate={plate} />
          <Strip onAdd={choose} />
          <Button
            look="quiet"
            icon="link"
            className="more-by-url"
            onClick={() => {
              setFromUrl(true);
            }}
          >
            {say("byUrl")}
          </Button>
        </>
      )}
      <FromUrl
        open={fromUrl}
        onClose={() => {
          setFromUrl(false);
        }}
        onTake={take}
      />
      {dragging && (
        <div className="drop-veil" aria-hidden="true">
          <p>{say("dropAnywhere")}</p>
        </div>
      )}
    </div>
  );
}

function Workplace({ plate }: { plate: Plate }): ReactNode {
  const { say } = useSpeech();
  const { how } = useTable();
  const shade = useShade();
  const stage = useRef<StageHandle>(null);
  const well = useRef<HTMLDivElement>(null);
  const [hand, setHand] = useState<Hand>({ tool: "brush", size: 28, hardness: 0.9 });
  const [scale, setScale] = useState(1);
  const [shown, setShown] = useState<Shown>("slider");
  const [split, setSplit] = useState(0.5);
  const [showMarks, setShowMarks] = useState(true);
  const [pen, setPen] = useState<boolean | null>(null);
  const [colour, setColour] = useState(() => colourOf("--signal"));

  useEffect(() => {
    setColour(colourOf("--signal"));
  }, [shade]);

  // What would be found is shown before anything is asked for, for the picture that one looks at.
  useEffect(() => {
    if (plate.preview === null || plate.result !== null) return undefined;
    const timer = setTimeout(() => void lookAt(plate.id), SETTLED);
    return () => {
      clearTimeout(timer);
    };
  }, [plate.id, plate.preview, plate.result, how.sensitivity]);

  useEffect(() => {
    setShown("slider");
    // On a small screen the button is below the picture: what it has done is to be seen.
    if (plate.result !== null) well.current?.scrollIntoView({ block: "center", behavior: "smooth" });
  }, [plate.id, plate.result]);

  const onPen = useCallback((down: boolean) => {
    setPen(down);
  }, []);
  const hasResult = plate.result?.preview != null;
  const view: Shown = hasResult ? shown : "original";
  return (
    <>
      <Toolbar plate={plate} hand={hand} onHand={setHand} scale={scale} stage={stage} />
      <div className="well" ref={well}>
        {plate.preview === null ? (
          <div className="no-preview">
            {plate.step === "reading" ? <span className="spinner" /> : <Icon name="picture" size={40} />}
            {broken(plate) && <p>{plate.problem?.text}</p>}
            {plate.step === "ready" && <p>{say("noPreview", { name: plate.name })}</p>}
          </div>
        ) : (
          <Part waiting={<div className="no-preview"><span className="spinner" /></div>}>
            <Stage
              ref={stage}
              plate={plate}
              hand={hand}
              shown={view}
              showMarks={showMarks}
              split={split}
              colour={colour}
              name={say("stageName", { name: plate.name })}
              onScale={setScale}
              onPen={onPen}
            />
          </Part>
        )}
        {view === "slider" && hasResult && <Boundary split={split} onSplit={setSplit} />}
        {view === "difference" && <p className="well-note">{say("differenceHelp")}</p>}
        {busy(plate) && <div className="well-busy"><span className="spinner" /></div>}
        <p className="unseen" role="status">
          {pen === null ? "" : pen ? say("penDown") : say("penUp")}
        </p>
      </div>
      <ViewBar shown={view} onShown={setShown} possible={hasResult} />
      <Panel plate={plate} showMarks={showMarks} onShowMarks={setShowMarks} />
    </>
  );
}
