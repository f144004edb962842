/** The page of who is not signed in. */

import { useState, type ReactNode } from "react";
import { useSigned } from "./session";
import { Button, Field, Segments, Wrong } from "./ui/controls";
import { Mark } from "./ui/icons";
import { asProblem, inWords } from "./ui/load";
import { LANGUAGES, useSpeech, type Language } from "./words";

export function SignIn(): ReactNode {
  const { signIn, expired } = useSigned();
  const { say, language, setLanguage } = useSpeech();
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      await signIn(token.trim());
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
      setBusy(false);
    }
  };

  return (
    <div className="entrance">
      <div className="plate-art" aria-hidden="true">
        <span>SAMPLE</span>
        <span>SAMPLE</span>
        <span>SAMPLE</span>
      </div>
      <main>
        <p className="brand">
          <Mark size={36} />
          <span>cleanplate</span>
        </p>
        <h1>{say("welcome")}</h1>
        <p className="lead">{say("welcomeMore")}</p>
        {expired && <Wrong text={say("signedOut")} />}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Field label={say("token")} help={say("tokenHelp")}>
            {(id, described) => (
              <input
                id={id}
                type="password"
                autoComplete="current-password"
                placeholder="cp_…"
                required
                value={token}
                aria-describedby={described}
                aria-invalid={wrong !== null}
                onChange={(event) => {
                  setToken(event.target.value);
                }}
              />
            )}
          </Field>
          {wrong !== null && <Wrong text={wrong} />}
          <Button look="main" type="submit" busy={busy}>
            {say("signIn")}
          </Button>
        </form>
        <Segments<Language>
          label={say("language")}
          hideLabel
          value={language}
          choices={(Object.keys(LANGUAGES) as Language[]).map((value) => ({ value, label: LANGUAGES[value] }))}
          onChoose={setLanguage}
        />
      </main>
    </div>
  );
}
