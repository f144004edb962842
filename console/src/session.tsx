/** Who is signed in, for every page. */

import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { api, Problem, setProof, whenSignedOut, type Session } from "./api";

interface Signed {
  session: Session | null;
  /** The server could not even be asked. */
  unreachable: boolean;
  /** Signed out by the server, not by the user. */
  expired: boolean;
  signIn: (token: string) => Promise<void>;
  signOut: () => Promise<void>;
  ask: () => void;
}

const Context = createContext<Signed | null>(null);

export function Signing({ children }: { children: ReactNode }): ReactNode {
  const [session, setSession] = useState<Session | null>(null);
  const [unreachable, setUnreachable] = useState(false);
  const [expired, setExpired] = useState(false);

  const take = useCallback((told: Session) => {
    setProof(told.proof);
    setSession(told);
    setUnreachable(false);
  }, []);

  const ask = useCallback(() => {
    api.session().then(take, () => {
      setUnreachable(true);
    });
  }, [take]);

  useEffect(() => {
    ask();
    whenSignedOut(() => {
      setExpired(true);
      ask();
    });
  }, [ask]);

  const value = useMemo<Signed>(
    () => ({
      session,
      unreachable,
      expired,
      ask,
      signIn: async (token) => {
        take(await api.signIn(token));
        setExpired(false);
      },
      signOut: async () => {
        await api.signOut().catch((error: unknown) => {
          if (!(error instanceof Problem)) throw error;
        });
        take(await api.session());
      },
    }),
    [session, unreachable, expired, ask, take],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSigned(): Signed {
  const signed = useContext(Context);
  if (signed === null) throw new Error("useSigned outside Signing");
  return signed;
}
