/** A batch: how far it is, its results, and what is left of it cancelled. */

import { useCallback, useEffect, type ReactNode } from "react";
import { api, here } from "../api";
import { address } from "../route";
import { Button, Waiting, Wrong } from "../ui/controls";
import { Icon } from "../ui/icons";
import { inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";

export function BatchView({ id, changes }: { id: string; changes: number }): ReactNode {
  const { say } = useSpeech();
  const { value, problem, reload, set } = useLoaded(useCallback(() => api.batch(id), [id]));
  useEffect(() => {
    if (changes > 0) reload();
  }, [changes, reload]);
  const leave = (
    <a className="button quiet" href={address("tasks")}>
      <span>{say("batchLeave")}</span>
    </a>
  );
  return (
    <section className="card batch">
      {problem !== null && <Wrong text={inWords(problem, say)} onRetry={reload} />}
      {value === null && problem === null && <Waiting lines={2} />}
      {value !== null && (
        <>
          <h2>{say("batchOf", { id: value.id.slice(0, 8) })}</h2>
          <p>{say("batchPictures", { done: value.counts.done, pictures: value.pictures, failed: value.counts.failed })}</p>
          <progress max={value.pictures} value={value.counts.done + value.counts.failed} aria-label={say("batchOf", { id: value.id.slice(0, 8) })} />
          <div className="row">
            <a className="button main" href={here(value.results_url)} download>
              <Icon name="down" size={18} />
              <span>{say("batchResults")}</span>
            </a>
            {value.state === "running" && (
              <Button
                icon="close"
                onClick={() => {
                  void api.cancelBatch(id).then(set, reload);
                }}
              >
                {say("batchCancel")}
              </Button>
            )}
            {leave}
          </div>
        </>
      )}
      {problem !== null && value === null && <div className="row">{leave}</div>}
    </section>
  );
}
