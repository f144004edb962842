/** All accounts: what they have and use; credits are granted and tokens made for them. */

import { useState, type ReactNode } from "react";
import { api, type Holder } from "../api";
import { Button, Dialog, Field, NameField, Secret, Waiting, Wrong } from "../ui/controls";
import { ago, amount } from "../ui/format";
import { asProblem, inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";

export function Accounts(): ReactNode {
  const { say, locale } = useSpeech();
  const { value, problem, reload } = useLoaded(api.holders, 15);
  const [granting, setGranting] = useState<Holder | null>(null);
  const [making, setMaking] = useState(false);
  return (
    <section className="card">
      <header>
        <h2>{say("accounts")}</h2>
        <Button
          icon="plus"
          onClick={() => {
            setMaking(true);
          }}
        >
          {say("newAccount")}
        </Button>
      </header>
      {problem !== null && <Wrong text={inWords(problem, say)} onRetry={reload} />}
      {value === null && problem === null && <Waiting lines={4} />}
      {value?.length === 0 && <p className="help">{say("accountsNone")}</p>}
      {value !== null && value.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label={say("accounts")}>
          <table className="grid-table">
            <thead>
              <tr>
                <th scope="col">{say("accountName")}</th>
                <th scope="col" className="number">{say("creditsLeft")}</th>
                <th scope="col" className="number">{say("creditsUsed")}</th>
                <th scope="col" className="number">{say("accountTokens")}</th>
                <th scope="col" className="number">{say("accountWaiting")}</th>
                <th scope="col">{say("tokenLastUsed")}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {value.map((one) => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  <td className="number">{one.remaining === null ? say("unlimited") : amount(one.remaining, locale)}</td>
                  <td className="number">{amount(one.usage, locale)}</td>
                  <td className="number">{amount(one.tokens, locale)}</td>
                  <td className="number">{amount(one.queued + one.running, locale)}</td>
                  <td>{one.last_used_at === null ? say("never") : ago(one.last_used_at, locale)}</td>
                  <td>
                    <Button
                      look="quiet"
                      onClick={() => {
                        setGranting(one);
                      }}
                    >
                      {say("grant")}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Granting
        account={granting}
        onClose={(changed) => {
          setGranting(null);
          if (changed) reload();
        }}
      />
      <Making
        open={making}
        onMade={reload}
        onClose={() => {
          setMaking(false);
        }}
      />
    </section>
  );
}

function Granting({ account, onClose }: { account: Holder | null; onClose: (changed: boolean) => void }): ReactNode {
  const { say } = useSpeech();
  const [credits, setCredits] = useState("100");
  const [wrong, setWrong] = useState<string | null>(null);
  const grant = async (): Promise<void> => {
    if (account === null) return;
    try {
      await api.grant(account.name, Number(credits));
      setWrong(null);
      onClose(true);
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
  };
  return (
    <Dialog
      title={say("grantTitle", { account: account?.name ?? "" })}
      open={account !== null}
      onClose={() => {
        onClose(false);
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void grant();
        }}
      >
        <Field label={say("grantAmount")} {...(account?.remaining === null ? { help: say("grantFirst") } : {})}>
          {(id, described) => (
            <input
              id={id}
              type="number"
              min={1}
              max={1_000_000_000}
              step={1}
              required
              value={credits}
              aria-describedby={described}
              onChange={(event) => {
                setCredits(event.target.value);
              }}
            />
          )}
        </Field>
        {wrong !== null && <Wrong text={wrong} />}
        <footer>
          <Button
            onClick={() => {
              onClose(false);
            }}
          >
            {say("cancel")}
          </Button>
          <Button look="main" type="submit">
            {say("grant")}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Making({ open, onClose, onMade }: { open: boolean; onClose: () => void; onMade: () => void }): ReactNode {
  const { say } = useSpeech();
  const [account, setAccount] = useState("");
  const [name, setName] = useState("");
  const [admin, setAdmin] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const close = (): void => {
    setSecret(null);
    setWrong(null);
    onClose();
  };
  const make = async (): Promise<void> => {
    try {
      const made = await api.createTokenFor(account.trim(), name.trim(), admin);
      setSecret(made.token);
      setWrong(null);
      onMade();
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
  };
  return (
    <Dialog title={say("newAccount")} open={open} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <NameField label={say("accountName")} help={say("newAccountMore")} value={account} onChange={setAccount} />
        <NameField label={say("tokenName")} value={name} onChange={setName} />
        <label className="tick">
          <input
            type="checkbox"
            checked={admin}
            onChange={(event) => {
              setAdmin(event.target.checked);
            }}
          />
          <span>{say("newAdmin")}</span>
        </label>
        {wrong !== null && <Wrong text={wrong} />}
        {secret !== null && <Secret text={secret} />}
        <footer>
          <Button onClick={close}>{say("close")}</Button>
          <Button look="main" type="submit">
            {say("tokenCreate")}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
