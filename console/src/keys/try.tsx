/** A real request from the page, and its answer as a client would see it. */

import { useRef, useState, type ReactNode } from "react";
import { here, Problem } from "../api";
import { useSigned } from "../session";
import { Button, Segments, Wrong } from "../ui/controls";
import { asProblem, inWords } from "../ui/load";
import { useSpeech } from "../words";
import { CALLS, DIALECTS, type Call, type Dialect } from "./code";

interface Answer {
  status: number;
  text: string;
  picture: string | null;
}

function within(told: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], told);
}

/** JSON, or nothing: what stands between a client and the server may answer anything. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function bodyOf(call: Call, picture: File): Promise<{ body: FormData | string; type: string | null }> {
  if (call.json) {
    const url = await new Promise<string>((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => {
        resolve(reader.result as string);
      };
      reader.onerror = () => {
        reject(new Error(reader.error?.message));
      };
      reader.readAsDataURL(picture);
    });
    return { body: JSON.stringify({ [call.field]: url.slice(url.indexOf(",") + 1) }), type: "application/json" };
  }
  const form = new FormData();
  form.set(call.field, picture, picture.name);
  for (const [name, value] of Object.entries(call.fields)) form.set(name, value);
  return { body: form, type: null };
}

export function TryIt(): ReactNode {
  const { say } = useSpeech();
  const { session } = useSigned();
  const [dialect, setDialect] = useState<Dialect>("native");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const call = CALLS[dialect];

  const send = async (): Promise<void> => {
    const picture = file.current?.files?.[0];
    if (picture === undefined) return;
    setBusy(true);
    setWrong(null);
    try {
      const { body, type } = await bodyOf(call, picture);
      const headers: Record<string, string> = {
        ...(type === null ? {} : { "Content-Type": type }),
        ...(session?.proof == null ? {} : { "X-CSRF-Token": session.proof }),
      };
      const response = await fetch(`.${call.path}`, { method: "POST", body, headers }).catch(() => {
        throw new Problem("offline", "", 0);
      });
      const said = await response.text();
      const told = parsed(said);
      const link = within(told, call.result);
      setAnswer({
        status: response.status,
        text: told === undefined ? said : JSON.stringify(told, null, 2),
        picture: typeof link === "string" && link.includes("/files/") ? here(link) : null,
      });
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
    setBusy(false);
  };

  return (
    <section className="card try">
      <h2>{say("tryIt")}</h2>
      <p className="help">
        {say("tryItMore")} {say("tryCosts")}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Segments<Dialect>
          label={say("dialect")}
          value={dialect}
          choices={(Object.keys(DIALECTS) as Dialect[]).map((value) => ({ value, label: DIALECTS[value] }))}
          onChoose={setDialect}
        />
        <p className="label">{say("tryCall")}</p>
        <p>
          <code>POST {call.path}</code>
        </p>
        <div className="in-line">
          <label className="field">
            <span className="label">{say("tryPicture")}</span>
            <input ref={file} type="file" accept="image/*" required />
          </label>
          <Button look="main" type="submit" busy={busy}>
            {say("trySend")}
          </Button>
        </div>
      </form>
      {wrong !== null && <Wrong text={wrong} />}
      {answer !== null && (
        <div className="answer" aria-live="polite">
          <h3>
            {say("tryAnswer")} <span className="state" data-state={answer.status < 400 ? "done" : "failed"}>{answer.status}</span>
          </h3>
          <pre tabIndex={0} aria-label={say("tryAnswer")}>
            {answer.text}
          </pre>
          {answer.picture !== null && <img src={answer.picture} alt={say("viewResult")} />}
        </div>
      )}
    </section>
  );
}
