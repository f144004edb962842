/** Things that are read from the server: there, on their way, or not to be had. */

import { useCallback, useEffect, useState } from "react";
import { Problem } from "../api";
import type { Speech } from "../words";

export interface Loaded<T> {
  value: T | null;
  problem: Problem | null;
  reload: () => void;
  set: (value: T) => void;
}

/** Read something when it is first shown, and again every `seconds` if they are given. */
export function useLoaded<T>(read: () => Promise<T>, seconds: number | null = null): Loaded<T> {
  const [value, set] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    read().then(
      (got) => {
        if (!wanted) return;
        set(got);
        setProblem(null);
      },
      (error: unknown) => {
        if (wanted) setProblem(asProblem(error));
      },
    );
    const timer = seconds === null ? undefined : setTimeout(() => { setRound((one) => one + 1); }, seconds * 1000);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [read, round, seconds]);
  const reload = useCallback(() => {
    setRound((one) => one + 1);
  }, []);
  return { value, problem, reload, set };
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("unexpected", String(error), 0);
}

/** What is wrong in words: the server's own, which say what to do; ours where it did not answer. */
export function inWords(problem: { code: string; message?: string; text?: string }, say: Speech["say"]): string {
  if (problem.code === "offline") return say("offline");
  return problem.text ?? problem.message ?? say("error");
}
