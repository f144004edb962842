/** Every setting as it is in force. */

import { useState, type ReactNode } from "react";
import { api } from "../api";
import { Field, Waiting, Wrong } from "../ui/controls";
import { inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";

export function Settings(): ReactNode {
  const { say } = useSpeech();
  const { value, problem, reload } = useLoaded(api.settings);
  const [sought, setSought] = useState("");
  const words = sought.toLowerCase().split(/[\s._]+/);
  const shown = value
    ?.filter((one) => words.every((word) => `${one.name} ${one.meaning}`.toLowerCase().includes(word)))
    .sort((one, other) => Number(one.default) - Number(other.default));
  return (
    <section className="card">
      <h2>{say("settings")}</h2>
      <p className="help">{say("settingsMore")}</p>
      <Field label={say("settingsFilter")}>
        {(id) => (
          <input
            id={id}
            type="search"
            value={sought}
            onChange={(event) => {
              setSought(event.target.value);
            }}
          />
        )}
      </Field>
      {problem !== null && <Wrong text={inWords(problem, say)} onRetry={reload} />}
      {value === null && problem === null && <Waiting lines={6} />}
      {shown?.length === 0 && (
        <p className="help" role="status">
          {say("settingsNone")}
        </p>
      )}
      <dl className="settings">
        {shown?.map((one) => (
          <div key={one.name} data-changed={!one.default}>
            <dt>
              <code>{one.name}</code>
              {!one.default && <span className="tag">{say("settingChanged")}</span>}
            </dt>
            <dd>
              <code>{one.value === "hidden" ? say("settingHidden") : one.value}</code>
              <p>{one.meaning.replaceAll("`", "")}</p>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
