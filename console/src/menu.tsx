/** Who is signed in, language and looks. */

import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { useSigned } from "./session";
import { Button, Field, Segments, Wrong } from "./ui/controls";
import { Icon } from "./ui/icons";
import { asProblem, inWords } from "./ui/load";
import { setLook, useLook, type Look } from "./ui/look";
import { LANGUAGES, useSpeech, type Language } from "./words";

/** On a server that asks for no token, an admin may still show one. */
function SignInHere(): ReactNode {
  const { signIn } = useSigned();
  const { say } = useSpeech();
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  return (
    <form
      className="in-line"
      onSubmit={(event) => {
        event.preventDefault();
        signIn(token.trim()).catch((error: unknown) => {
          setWrong(inWords(asProblem(error), say));
        });
      }}
    >
      <Field label={say("token")}>
        {(id) => (
          <input
            id={id}
            type="password"
            autoComplete="current-password"
            required
            value={token}
            onChange={(event) => {
              setToken(event.target.value);
            }}
          />
        )}
      </Field>
      <Button type="submit">{say("signIn")}</Button>
      {wrong !== null && <Wrong text={wrong} />}
    </form>
  );
}

export function Menu(): ReactNode {
  const { session, signOut } = useSigned();
  const { say, language, setLanguage } = useSpeech();
  const look = useLook();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, [open]);

  return (
    <div
      className="menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          setOpen(false);
          button.current?.focus();
        }
      }}
    >
      <button
        ref={button}
        type="button"
        className="menu-button"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => {
          setOpen(!open);
        }}
      >
        <Icon name="user" />
        <span>{session?.account ?? say("account")}</span>
      </button>
      <div id={id} className="menu-box" hidden={!open}>
        <p>
          {session?.signed_in === true
            ? say("signedInAs", { account: session.account ?? "" })
            : say("openServer")}
          {session?.token != null && <code>{session.token}…</code>}
        </p>
        <Segments<Language>
          label={say("language")}
          value={language}
          choices={(Object.keys(LANGUAGES) as Language[]).map((value) => ({ value, label: LANGUAGES[value] }))}
          onChoose={setLanguage}
        />
        <Segments<Look>
          label={say("appearance")}
          value={look}
          choices={[
            { value: "system", label: say("system") },
            { value: "light", label: say("light") },
            { value: "dark", label: say("dark") },
          ]}
          onChoose={setLook}
        />
        {session?.signed_in === false && <SignInHere />}
        {session?.signed_in === true && (
          <Button
            icon="out"
            onClick={() => {
              void signOut();
            }}
          >
            {say("signOut")}
          </Button>
        )}
        <p className="small">{say("version", { version: session?.version ?? "" })}</p>
      </div>
    </div>
  );
}
