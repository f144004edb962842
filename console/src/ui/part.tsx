/** A part of the page that is loaded when it is first needed: on its way, there, or not to be had. */

import { Component, Suspense, type ReactNode } from "react";
import { useSpeech } from "../words";
import { Wrong } from "./controls";

export function Part({ waiting, children }: { waiting: ReactNode; children: ReactNode }): ReactNode {
  const { say } = useSpeech();
  const missing = (
    <div className="page">
      <Wrong
        text={say("partMissing")}
        retry={say("reload")}
        onRetry={() => {
          location.reload();
        }}
      />
    </div>
  );
  return (
    <Net instead={missing}>
      <Suspense fallback={waiting}>{children}</Suspense>
    </Net>
  );
}

/** Without it, what cannot be loaded would take the whole page with it. */
class Net extends Component<{ instead: ReactNode; children: ReactNode }, { torn: boolean }> {
  override state = { torn: false };

  static getDerivedStateFromError(): { torn: boolean } {
    return { torn: true };
  }

  override render(): ReactNode {
    return this.state.torn ? this.props.instead : this.props.children;
  }
}
