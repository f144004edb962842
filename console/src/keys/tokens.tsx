/** The account's tokens: made and shown once, listed, revoked. */

import { useState, type ReactNode } from "react";
import { api, type Token } from "../api";
import { useSigned } from "../session";
import { Button, Dialog, NameField, Nothing, Secret, Waiting, Wrong } from "../ui/controls";
import { ago, moment } from "../ui/format";
import { asProblem, inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";

interface Props {
  secret: string | null;
  onSecret: (secret: string | null) => void;
}

export function Tokens({ secret, onSecret }: Props): ReactNode {
  const { say } = useSpeech();
  const { session } = useSigned();
  const may = session?.signed_in === true && (session.own_tokens || session.admin);
  return (
    <section className="card">
      <h2>{say("tokens")}</h2>
      {may ? (
        <Own secret={secret} onSecret={onSecret} />
      ) : (
        <p className="help">{session?.signed_in === true ? say("tokensAdmin") : say("tokensSignIn")}</p>
      )}
    </section>
  );
}

function Own({ secret, onSecret }: Props): ReactNode {
  const { say } = useSpeech();
  const { session, ask } = useSigned();
  const { value, problem, reload } = useLoaded(api.tokens);
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Token | null>(null);

  const create = async (): Promise<void> => {
    setWrong(null);
    try {
      const made = await api.createToken(name.trim());
      onSecret(made.token);
      setName("");
      reload();
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
  };
  const revoke = async (token: Token): Promise<void> => {
    try {
      await api.revokeToken(token.id);
    } catch (error) {
      setWrong(inWords(asProblem(error), say));
    }
    setLeaving(null);
    if (token.prefix === session?.token) ask();
    else reload();
  };

  return (
    <>
      <form
        className="in-line"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <NameField label={say("tokenName")} value={name} onChange={setName} />
        <Button look="main" type="submit" icon="plus">
          {say("tokenCreate")}
        </Button>
      </form>
      {wrong !== null && <Wrong text={wrong} />}
      {secret !== null && <Secret text={secret} />}
      {problem !== null && <Wrong text={inWords(problem, say)} onRetry={reload} />}
      {value === null && problem === null && <Waiting lines={3} />}
      {value?.length === 0 && (
        <Nothing icon="key" title={say("tokensNone")}>
          <p>{say("tokensNoneMore")}</p>
        </Nothing>
      )}
      {value !== null && value.length > 0 && (
        <TokenTable
          tokens={[...value].sort((one, other) => Number(one.revoked_at ?? 0) - Number(other.revoked_at ?? 0) || other.created_at - one.created_at)}
          own={session?.token ?? null}
          onRevoke={setLeaving}
        />
      )}
      <Dialog
        title={say("tokenRevokeTitle", { name: leaving?.name ?? "" })}
        open={leaving !== null}
        onClose={() => {
          setLeaving(null);
        }}
      >
        <p>{say("tokenRevokeMore")}</p>
        {leaving?.prefix === session?.token && <Wrong text={say("tokenRevokeSelf")} />}
        <footer>
          <Button
            onClick={() => {
              setLeaving(null);
            }}
          >
            {say("cancel")}
          </Button>
          <Button
            look="danger"
            onClick={() => {
              if (leaving !== null) void revoke(leaving);
            }}
          >
            {say("tokenRevoke")}
          </Button>
        </footer>
      </Dialog>
    </>
  );
}

function TokenTable({ tokens, own, onRevoke }: { tokens: Token[]; own: string | null; onRevoke: (token: Token) => void }): ReactNode {
  const { say, locale } = useSpeech();
  return (
    <ul className="token-list">
      {tokens.map((token) => (
        <li key={token.id} data-revoked={token.revoked_at !== null}>
          <div>
            <b>{token.name === "" ? token.prefix : token.name}</b>{" "}
            {token.admin && <span className="tag">{say("adminToken")}</span>}{" "}
            {token.prefix === own && <span className="tag">{say("tokenThis")}</span>}
            <small>
              <code>{token.prefix}…</code>
              {" · "}
              {token.revoked_at !== null
                ? say("tokenRevoked", { when: moment(token.revoked_at, locale) })
                : `${say("tokenLastUsed")}: ${token.last_used_at === null ? say("never") : ago(token.last_used_at, locale)}`}
            </small>
          </div>
          {token.revoked_at === null && (
            <Button
              look="quiet"
              onClick={() => {
                onRevoke(token);
              }}
            >
              {say("tokenRevoke")}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
