/** One task: in a line, and in full when it is opened. */

import { useState, type ReactNode } from "react";
import { api, here, type Removal, type State } from "../api";
import { address } from "../route";
import { Button, Wrong } from "../ui/controls";
import { duration, moment } from "../ui/format";
import { Icon } from "../ui/icons";
import { asProblem, inWords } from "../ui/load";
import { useSpeech, type Speech } from "../words";
import { Delivery } from "./delivery";

type Key = Parameters<Speech["say"]>[0];
export const STATES: Record<State, Key> = { queued: "queued", running: "running", done: "done", failed: "failed" };
const STEPS: [string, Key][] = [
  ["download", "stepDownload"],
  ["decode", "stepDecode"],
  ["find", "stepFind"],
  ["undo", "stepUndo"],
  ["fill", "stepFill"],
  ["compose", "stepCompose"],
  ["encode", "stepEncode"],
];

function nameOf(removal: Removal): string {
  const given = removal.metadata["name"];
  return removal.name ?? (typeof given === "string" ? given : removal.id.slice(0, 8));
}

export function TaskRow({ removal }: { removal: Removal }): ReactNode {
  const { say, locale } = useSpeech();
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState(true);
  const took = removal.finished_at === null ? null : removal.finished_at - (removal.started_at ?? removal.created_at);
  const name = nameOf(removal);
  return (
    <li className="task" data-state={removal.state}>
      <button
        type="button"
        className="task-line"
        aria-expanded={open}
        aria-label={say("details", { name })}
        onClick={() => {
          setOpen(!open);
        }}
      >
        <span className="task-thumb">
          {removal.state === "done" && shown ? (
            <img
              src={api.thumbnail(removal.id)}
              alt=""
              loading="lazy"
              width={64}
              height={48}
              onError={() => {
                setShown(false);
              }}
            />
          ) : (
            <Icon name={removal.state === "failed" ? "alert" : "picture"} />
          )}
        </span>
        <span className="task-name">
          <b>{name}</b>
          <small>{removal.error?.detail ?? (removal.result?.changed === false ? say("taskUnchanged") : removal.dialect)}</small>
        </span>
        <span className="state" data-state={removal.state}>
          {say(STATES[removal.state])}
        </span>
        <span className="task-when">{moment(removal.created_at, locale)}</span>
        <span className="task-took">{took === null ? "" : duration(took, locale)}</span>
      </button>
      {open && <Details removal={removal} />}
    </li>
  );
}

function Details({ removal }: { removal: Removal }): ReactNode {
  const { say, locale } = useSpeech();
  const [wrong, setWrong] = useState<string | null>(null);
  const { result } = removal;
  const unfinished = removal.state === "queued" || removal.state === "running";
  return (
    <div className="task-more">
      {removal.error !== null && <Wrong text={removal.error.detail} />}
      <dl className="facts-list">
        <dt>{say("taskId")}</dt>
        <dd>
          <code>{removal.id}</code>
        </dd>
        <dt>{say("taskDialect")}</dt>
        <dd>{removal.dialect}</dd>
        <dt>{say("taskMode")}</dt>
        <dd>{removal.mode}</dd>
        {removal.preset !== null && (
          <>
            <dt>{say("presets")}</dt>
            <dd>{removal.preset}</dd>
          </>
        )}
        {removal.batch !== null && (
          <>
            <dt>{say("batch")}</dt>
            <dd>
              <a href={address("tasks", "batch", removal.batch)}>{removal.batch.slice(0, 8)}…</a>
            </dd>
          </>
        )}
        <dt>{say("taskCredits")}</dt>
        <dd>{removal.credits}</dd>
        <dt>{say("taskExpires")}</dt>
        <dd>{moment(removal.expires_at, locale)}</dd>
        {result !== null && (
          <>
            <dt>{say("taskSize")}</dt>
            <dd>{`${String(result.width)} × ${String(result.height)} ${result.format}`}</dd>
            <dt>{say("taskFound")}</dt>
            <dd>{result.found.length}</dd>
          </>
        )}
      </dl>
      {result !== null && <Timings removal={removal} />}
      <Delivery removal={removal} />
      {wrong !== null && <Wrong text={wrong} />}
      <div className="row">
        {result !== null && (
          <a className="button plain" href={here(result.url)} target="_blank" rel="noreferrer">
            <Icon name="out" size={18} />
            <span>{say("openResult")}</span>
          </a>
        )}
        {unfinished && (
          <Button
            icon="close"
            onClick={() => {
              api.cancel(removal.id).catch((error: unknown) => {
                setWrong(inWords(asProblem(error), say));
              });
            }}
          >
            {say("taskCancel")}
          </Button>
        )}
      </div>
    </div>
  );
}

/** How long each step took, as bars of one length. */
function Timings({ removal }: { removal: Removal }): ReactNode {
  const { say, locale } = useSpeech();
  const timings = removal.result?.timings ?? {};
  const known = STEPS.map(([step, key]) => ({ step, label: say(key), seconds: timings[step] ?? 0 }));
  const longest = Math.max(0.001, ...known.map((one) => one.seconds));
  const waited = (removal.started_at ?? removal.created_at) - removal.created_at;
  return (
    <section aria-label={say("taskSteps")}>
      <h3>{say("taskSteps")}</h3>
      <table className="timings">
        <tbody>
          <tr>
            <th scope="row">{say("taskWaited")}</th>
            <td />
            <td>{duration(waited, locale)}</td>
          </tr>
          {known.map((one) => (
            <tr key={one.step}>
              <th scope="row">{one.label}</th>
              <td>
                <meter min={0} max={longest} value={one.seconds} aria-hidden="true" />
              </td>
              <td>{duration(one.seconds, locale)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
