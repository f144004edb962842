/** For who runs the server: how it stands, who uses it, what it is set to. */

import type { ReactNode } from "react";
import { api, type Standing } from "../api";
import { useSigned } from "../session";
import { Button, Nothing, Waiting, Wrong } from "../ui/controls";
import { ago, amount, bytes, duration } from "../ui/format";
import { inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";
import { Accounts } from "./accounts";
import { Settings } from "./settings";

const SECONDS = 5; // between two looks

export default function Operator(): ReactNode {
  const { say } = useSpeech();
  const { session } = useSigned();
  if (session?.admin !== true) {
    return (
      <div className="page">
        <h1>{say("operatorTitle")}</h1>
        <Nothing icon="key" title={say("operatorNeeded")}>
          <p>{say("operatorNeededMore")}</p>
        </Nothing>
      </div>
    );
  }
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say("operatorTitle")}</h1>
        <p>{say("operatorMore")}</p>
      </header>
      <Standings />
      <Accounts />
      <Settings />
    </div>
  );
}

function Standings(): ReactNode {
  const { say, locale } = useSpeech();
  const standing = useLoaded(api.standing, SECONDS);
  const health = useLoaded(api.health, SECONDS);
  const { value, problem } = standing;
  const well = health.value !== null && Object.values(health.value).every((one) => one === "ok");
  const wrong = problem !== null && <Wrong text={inWords(problem, say)} onRetry={standing.reload} />;
  if (problem !== null && value === null) return wrong;
  return (
    <>
      {wrong}
      <div className="cards">
        <section className="card">
          <header>
            <h2>{say("health")}</h2>
            <Button
              look="quiet"
              icon="retry"
              onClick={() => {
                standing.reload();
                health.reload();
              }}
            >
              {say("refresh")}
            </Button>
          </header>
          {health.problem !== null ? (
            <Wrong text={inWords(health.problem, say)} />
          ) : health.value === null ? (
            <Waiting lines={3} />
          ) : (
            <>
              <p>
                <span className="state" data-state={well ? "done" : "failed"}>
                  {well ? say("healthOk") : say("healthBad")}
                </span>
              </p>
              <dl className="facts-list">
                {Object.entries(health.value).map(([name, state]) => (
                  <Fact key={name} name={name} value={state} />
                ))}
              </dl>
          </>
        )}
      </section>
      <section className="card">
        <h2>{say("queue")}</h2>
        {value === null ? <Waiting lines={4} /> : <Queue standing={value} />}
      </section>
      <section className="card">
        <h2>{say("workers")}</h2>
        {value === null && <Waiting lines={3} />}
        {value?.workers.length === 0 && <p className="help">{say("workersIdle", { slots: value.slots })}</p>}
        <ul className="plain-list">
          {value?.workers.map((one) => (
            <li key={one.name}>
              <code>{one.name}</code>
              <small>
                {say("workerTasks", { count: one.removals })}, {say("workerSince", { when: ago(one.since, locale) })}
              </small>
            </li>
          ))}
        </ul>
      </section>
      <section className="card">
        <h2>{say("storage")}</h2>
        {value === null ? <Waiting lines={3} /> : <Storage standing={value} />}
      </section>
    </div>
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Queue({ standing }: { standing: Standing }): ReactNode {
  const { say, locale } = useSpeech();
  return (
    <>
      <p className="figures">
        <span>
          <b>{amount(standing.queued, locale)}</b> {say("queued")}
        </span>
        <span>
          <b>{amount(standing.running, locale)}</b> {say("running")}
        </span>
      </p>
      <ul className="plain-list">
        {standing.oldest_at !== null && <li>{say("oldest", { time: duration(Math.max(0, standing.at - standing.oldest_at), locale) })}</li>}
        <li>{say("lastHourDone", { count: amount(standing.done_last_hour, locale) })}</li>
        <li>{say("lastHourFailed", { count: amount(standing.failed_last_hour, locale) })}</li>
        {standing.mean_seconds !== null && (
          <li>{say("meanSeconds", { time: duration(standing.mean_seconds, locale) })}</li>
        )}
      </ul>
    </>
  );
}

function Storage({ standing }: { standing: Standing }): ReactNode {
  const { say, locale } = useSpeech();
  const names = { sources: say("storageSources"), results: say("storageResults") } as Record<string, string>;
  return (
    <>
      <dl className="facts-list">
        {standing.folders.map((one) => (
          <Fact
            key={one.name}
            name={names[one.name] ?? one.name}
            value={say("storageMore", { count: amount(one.blobs, locale), size: bytes(one.bytes, locale) })}
          />
        ))}
      </dl>
      {standing.folders.length === 0 && <p className="help">{say("storageNone")}</p>}
      {!standing.counted && <p className="help">{say("storagePartly")}</p>}
      {standing.disk_free !== null && standing.disk_total !== null && (
        <>
          <meter
            className="disk"
            min={0}
            max={standing.disk_total}
            high={standing.disk_total * 0.9}
            value={standing.disk_total - standing.disk_free}
            aria-label={say("storage")}
          />
          <p className="help">
            {say("diskFree", { free: bytes(standing.disk_free, locale), total: bytes(standing.disk_total, locale) })}
          </p>
        </>
      )}
    </>
  );
}
