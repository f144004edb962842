/** The frame round every page: who is here, where one can go. */

import { lazy, useEffect, useRef, type ReactNode } from "react";
import { Clean } from "./clean/page";
import { SignIn } from "./entrance";
import { Menu } from "./menu";
import { address, useRoute, type Page } from "./route";
import { useSigned } from "./session";
import { Waiting, Wrong } from "./ui/controls";
import { Icon, Mark, type IconName } from "./ui/icons";
import { Part } from "./ui/part";
import { useSpeech } from "./words";

const Tasks = lazy(() => import("./tasks/page"));
const Api = lazy(() => import("./keys/page"));
const Operator = lazy(() => import("./operator/page"));

const ICONS: Record<Page, IconName> = { clean: "clean", tasks: "list", api: "key", operator: "gauge" };

export function App(): ReactNode {
  const { session, unreachable, ask } = useSigned();
  const { say } = useSpeech();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const inside = session !== null && (session.signed_in || !session.token_required);

  useEffect(() => {
    document.title = `${say(route.page)} – cleanplate`;
    // Who follows a link by keyboard or screen reader goes on reading where the new page begins.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [route.page, say]);

  if (unreachable && session === null) {
    return (
      <main className="alone">
        <Wrong text={say("offline")} onRetry={ask} />
      </main>
    );
  }
  if (session === null) {
    return (
      <main className="alone">
        <Waiting lines={2} />
      </main>
    );
  }
  if (!inside) return <SignIn />;

  const pages: Page[] = session.admin ? ["clean", "tasks", "api", "operator"] : ["clean", "tasks", "api"];
  return (
    <div className="frame">
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {say("skip")}
      </a>
      <header className="head">
        <a className="brand" href={address("clean")}>
          <Mark />
          <span>cleanplate</span>
        </a>
        <nav className="pages" aria-label={say("pages")}>
          {pages.map((one) => (
            <a key={one} href={address(one)} aria-current={one === route.page ? "page" : undefined}>
              <Icon name={ICONS[one]} />
              <span>{say(one)}</span>
            </a>
          ))}
        </nav>
        <Menu />
      </header>
      <main id="main" ref={main} tabIndex={-1} className={`main ${route.page}-page`}>
        <Part key={route.page} waiting={<div className="page"><Waiting lines={6} /></div>}>
          {route.page === "clean" && <Clean />}
          {route.page === "tasks" && <Tasks rest={route.rest} />}
          {route.page === "api" && <Api />}
          {route.page === "operator" && <Operator />}
        </Part>
      </main>
    </div>
  );
}
