/** Ready to paste: this server called from curl, JavaScript and Python, in each dialect. */

import { useState, type ReactNode } from "react";
import { serverAddress } from "../api";
import { CopyButton, Segments } from "../ui/controls";
import { useSpeech } from "../words";
import { DIALECTS, LANGUAGES, snippet, type Dialect, type Language } from "./code";

export function Snippets({ secret }: { secret: string | null }): ReactNode {
  const { say } = useSpeech();
  const [dialect, setDialect] = useState<Dialect>("native");
  const [language, setLanguage] = useState<Language>("curl");
  const text = snippet(dialect, language, serverAddress(), secret ?? "YOUR_TOKEN");
  return (
    <section className="card snippets">
      <h2>{say("snippets")}</h2>
      <p className="help">{say("snippetsMore", { token: secret === null ? "" : say("snippetsToken") })}</p>
      <div className="row between">
        <Segments<Dialect>
          label={say("dialect")}
          value={dialect}
          choices={(Object.keys(DIALECTS) as Dialect[]).map((value) => ({ value, label: DIALECTS[value] }))}
          onChoose={setDialect}
        />
        <Segments<Language>
          label={say("language")}
          value={language}
          choices={(Object.keys(LANGUAGES) as Language[]).map((value) => ({ value, label: LANGUAGES[value] }))}
          onChoose={setLanguage}
        />
      </div>
      <div className="code">
        <pre tabIndex={0} aria-label={`${DIALECTS[dialect]}, ${LANGUAGES[language]}`}>
          {text}
        </pre>
        <CopyButton text={text} />
      </div>
    </section>
  );
}
