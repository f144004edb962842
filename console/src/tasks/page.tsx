/** What the account asked for, as it happens. */

import { useEffect, useMemo, useState, type ReactNode } from "react";
import { api, type Removal, type State } from "../api";
import { follow } from "../follow";
import { address } from "../route";
import { Button, Nothing, Segments, Waiting, Wrong } from "../ui/controls";
import { asProblem, inWords } from "../ui/load";
import { useSpeech } from "../words";
import { BatchView } from "./batch";
import { TaskRow } from "./row";

type Filter = State | "all";
type Since = "any" | "hour" | "today";
const PAGE = 50;

function sinceOf(since: Since): number | null {
  if (since === "hour") return Date.now() / 1000 - 3600;
  if (since === "today") return new Date().setHours(0, 0, 0, 0) / 1000;
  return null;
}

export default function Tasks({ rest }: { rest: string[] }): ReactNode {
  const { say } = useSpeech();
  const batch = rest[0] === "batch" ? (rest[1] ?? null) : null;
  const [filter, setFilter] = useState<Filter>("all");
  const [since, setSince] = useState<Since>("any");
  const list = useRemovals(filter, since, batch);
  const [sought, setSought] = useState("");
  const everything = filter === "all" && since === "any" && batch === null;

  return (
    <div className="page">
      <header className="page-head">
        <h1>{batch === null ? say("tasksTitle") : say("batch")}</h1>
        <p>{say("tasksMore")}</p>
        <p className="live" data-on={list.live} role="status">
          <i aria-hidden="true" />
          {list.live ? say("live") : say("notLive")}
        </p>
      </header>
      {batch !== null && <BatchView id={batch} changes={list.changes} />}
      <div className="filters">
        <Segments<Filter>
          label={say("taskState")}
          value={filter}
          choices={[
            { value: "all", label: say("all") },
            { value: "queued", label: say("queued") },
            { value: "running", label: say("running") },
            { value: "done", label: say("done") },
            { value: "failed", label: say("failed") },
          ]}
          onChoose={setFilter}
        />
        <Segments<Since>
          label={say("since")}
          value={since}
          choices={[
            { value: "any", label: say("anyTime") },
            { value: "today", label: say("today") },
            { value: "hour", label: say("lastHour") },
          ]}
          onChoose={setSince}
        />
        {batch === null && (
          <form
            className="seek"
            onSubmit={(event) => {
              event.preventDefault();
              if (sought.trim() !== "") location.hash = address("tasks", "batch", sought.trim());
            }}
          >
            <label className="label" htmlFor="batch-id">
              {say("batchId")}
            </label>
            <input
              id="batch-id"
              value={sought}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => {
                setSought(event.target.value);
              }}
            />
          </form>
        )}
      </div>
      {list.problem !== null && <Wrong text={list.problem} onRetry={list.reload} />}
      {list.removals === null && list.problem === null && <Waiting lines={6} />}
      {list.removals?.length === 0 && (
        <Nothing icon="list" title={everything ? say("tasksNone") : say("tasksNoneFiltered")}>
          {everything && <p>{say("tasksNoneMore")}</p>}
        </Nothing>
      )}
      {list.removals !== null && list.removals.length > 0 && (
        <ul className="tasks">
          {list.removals.map((one) => (
            <TaskRow key={one.id} removal={one} />
          ))}
        </ul>
      )}
      {list.more !== null && (
        <Button onClick={list.more}>{say("more")}</Button>
      )}
    </div>
  );
}

interface List {
  removals: Removal[] | null;
  problem: string | null;
  live: boolean;
  /** Goes up with every change, so that sums are asked for again. */
  changes: number;
  more: (() => void) | null;
  reload: () => void;
}

/** The list of a filter, kept up to date by events. */
function useRemovals(filter: Filter, since: Since, batch: string | null): List {
  const { say } = useSpeech();
  const [known, setKnown] = useState<Map<string, Removal> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [live, setLive] = useState(false);
  const [changes, setChanges] = useState(0);
  const [round, setRound] = useState(0);

  const query = useMemo(() => {
    const made: Record<string, string> = { limit: String(PAGE) };
    const start = sinceOf(since);
    if (filter !== "all") made["state"] = filter;
    if (start !== null) made["since"] = String(start);
    if (batch !== null) made["batch"] = batch;
    return made;
  }, [filter, since, batch]);

  useEffect(() => {
    let wanted = true;
    setKnown(null);
    setProblem(null);
    api.removals(query).then(
      (page) => {
        if (!wanted) return;
        setKnown(new Map(page.removals.map((one) => [one.id, one])));
        setCursor(page.next_cursor);
      },
      (error: unknown) => {
        if (wanted) setProblem(inWords(asProblem(error), say));
      },
    );
    return () => {
      wanted = false;
    };
  }, [query, round, say]);

  useEffect(
    () =>
      follow({
        live: setLive,
        removal: (one) => {
          if (batch !== null && one.batch !== batch) return;
          setKnown((before) => (before === null ? null : new Map(before).set(one.id, one)));
          setChanges((count) => count + 1);
        },
      }),
    [batch],
  );

  const removals = useMemo(() => {
    if (known === null) return null;
    const start = sinceOf(since) ?? 0;
    return [...known.values()]
      .filter((one) => (filter === "all" || one.state === filter) && one.created_at >= start)
      .sort((one, other) => other.created_at - one.created_at);
  }, [known, filter, since]);

  const more = (): void => {
    if (cursor === null) return;
    api.removals({ ...query, cursor }).then(
      (page) => {
        setKnown((before) => new Map([...(before ?? []), ...page.removals.map((one) => [one.id, one] as const)]));
        setCursor(page.next_cursor);
      },
      (error: unknown) => {
        setProblem(inWords(asProblem(error), say));
      },
    );
  };
  return {
    removals,
    problem,
    live,
    changes,
    more: cursor === null ? null : more,
    reload: () => {
      setRound((one) => one + 1);
    },
  };
}
