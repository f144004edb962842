/** Tokens, credits, and how to call this server from a program. */

import { useState, type ReactNode } from "react";
import { useSpeech } from "../words";
import { CreditsCard } from "./credits";
import { Snippets } from "./snippets";
import { Tokens } from "./tokens";
import { TryIt } from "./try";

export default function Api(): ReactNode {
  const { say } = useSpeech();
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say("apiTitle")}</h1>
        <p>{say("apiMore")}</p>
        <p>
          <a href="docs" target="_blank" rel="noreferrer">
            {say("reference")}
          </a>
        </p>
      </header>
      <div className="columns">
        <Tokens secret={secret} onSecret={setSecret} />
        <CreditsCard />
      </div>
      <Snippets secret={secret} />
      <TryIt />
    </div>
  );
}
