/** What became of a task's webhook: each try, and having it called again. */

import { useCallback, useState, type ReactNode } from "react";
import { api, type Removal, type WebhookLog } from "../api";
import { Button, Waiting, Wrong } from "../ui/controls";
import { moment } from "../ui/format";
import { asProblem, inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";

const STATES = { pending: "deliveryPending", delivered: "deliveryDelivered", failed: "deliveryFailed" } as const;

export function Delivery({ removal }: { removal: Removal }): ReactNode {
  const { say, locale } = useSpeech();
  const { value, problem, reload, set } = useLoaded<WebhookLog>(useCallback(() => api.webhook(removal.id), [removal.id]));
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const again = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      set(await api.callAgain(removal.id));
      setTimeout(reload, 1500);
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
    setBusy(false);
  };

  return (
    <section>
      <h3>{say("delivery")}</h3>
      {problem !== null && <Wrong text={inWords(problem, say)} onRetry={reload} />}
      {value === null && problem === null && <Waiting lines={1} />}
      {value?.state === "none" && <p className="help">{say("deliveryNone")}</p>}
      {value !== null && value.state !== "none" && (
        <>
          <p>
            <span className="state" data-state={value.state}>
              {say(STATES[value.state])}
            </span>{" "}
            <code className="url">{value.url}</code>
          </p>
          {value.next_at !== null && <p className="help">{say("deliveryNext", { when: moment(value.next_at, locale) })}</p>}
          {value.tries.length > 0 && (
            <ol className="tries" aria-label={say("deliveryTries")}>
              {value.tries.map((one) => (
                <li key={one.number}>
                  <span>{moment(one.at, locale)}</span>
                  <b>{one.status ?? "–"}</b>
                  <span>{one.error}</span>
                </li>
              ))}
            </ol>
          )}
          {wrong !== null && <Wrong text={wrong} />}
          <Button
            icon="retry"
            busy={busy}
            disabled={value.state === "pending"}
            onClick={() => {
              void again();
            }}
          >
            {say("deliveryAgain")}
          </Button>
        </>
      )}
    </section>
  );
}
