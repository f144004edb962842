/** Numbers and times as the reader's language writes them. */

export function moment(seconds: number, locale: string): string {
  const then = new Date(seconds * 1000);
  const today = new Date().toDateString() === then.toDateString();
  return new Intl.DateTimeFormat(locale, today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" }).format(then);
}

export function ago(seconds: number, locale: string): string {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  if (past < 60) return relative.format(-Math.round(past), "second");
  if (past < 3600) return relative.format(-Math.round(past / 60), "minute");
  if (past < 86_400) return relative.format(-Math.round(past / 3600), "hour");
  return relative.format(-Math.round(past / 86_400), "day");
}

export function amount(value: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(value);
}

export function duration(seconds: number, locale: string): string {
  if (seconds < 1) return `${new Intl.NumberFormat(locale).format(Math.round(seconds * 1000))} ms`;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: seconds < 10 ? 1 : 0 }).format(seconds)} s`;
}

export function bytes(value: number, locale: string): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const place = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: place > 2 ? 1 : 0 }).format(value / 1000 ** place)} ${units[place] ?? ""}`;
}
