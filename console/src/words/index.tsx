/** The texts in three languages. English is the measure: the others have the very same keys. */

import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { en, type Words } from "./en";

export type Language = "en" | "vi" | "zh";
export const LANGUAGES: Record<Language, string> = { en: "English", vi: "Tiếng Việt", zh: "中文" };
const LOCALES: Record<Language, string> = { en: "en", vi: "vi", zh: "zh-CN" };
const KEPT = "cleanplate-language";

type Key = keyof Words;
type Values = Record<string, string | number>;

export interface Speech {
  language: Language;
  locale: string;
  setLanguage: (language: Language) => void;
  /** A text with its values put in: `say("pictures", { count: 3 })`. */
  say: (key: Key, values?: Values) => string;
}

const Context = createContext<Speech | null>(null);

function preferred(): Language {
  const kept = localStorage.getItem(KEPT);
  const wanted = kept === null ? navigator.languages : [kept];
  for (const one of wanted) {
    const known = (Object.keys(LANGUAGES) as Language[]).find((language) => one.toLowerCase().startsWith(language));
    if (known !== undefined) return known;
  }
  return "en";
}

async function load(language: Language): Promise<Words> {
  if (language === "vi") return (await import("./vi")).vi;
  if (language === "zh") return (await import("./zh")).zh;
  return en;
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export function Speaking({ children }: { children: ReactNode }): ReactNode {
  const [language, setLanguage] = useState(preferred);
  const [words, setWords] = useState<Words | null>(null);

  useEffect(() => {
    let wanted = true;
    void load(language).then((loaded) => {
      if (!wanted) return;
      document.documentElement.lang = LOCALES[language];
      setWords(loaded);
    });
    return () => {
      wanted = false;
    };
  }, [language]);

  const speech = useMemo<Speech | null>(() => {
    if (words === null) return null;
    return {
      language,
      locale: LOCALES[language],
      setLanguage: (chosen) => {
        localStorage.setItem(KEPT, chosen);
        setLanguage(chosen);
      },
      say: (key, values = {}) => filled(words[key], values),
    };
  }, [language, words]);

  return speech === null ? null : <Context value={speech}>{children}</Context>;
}

export function useSpeech(): Speech {
  const speech = useContext(Context);
  if (speech === null) throw new Error("useSpeech outside Speaking");
  return speech;
}
