/** What the account has left, and what it used day by day. */

import { useCallback, useEffect, useId, useState, type ReactNode } from "react";
import { api, type UsedOnDay } from "../api";
import { follow } from "../follow";
import { Segments, Waiting, Wrong } from "../ui/controls";
import { amount } from "../ui/format";
import { inWords, useLoaded } from "../ui/load";
import { useSpeech } from "../words";

type Span = "7" | "30" | "90";

export function CreditsCard(): ReactNode {
  const { say, locale } = useSpeech();
  const [span, setSpan] = useState<Span>("30");
  const credits = useLoaded(api.credits);
  const usage = useLoaded(useCallback(() => api.usage(Number(span)), [span]));
  const { set } = credits;
  const { reload } = usage;
  useEffect(
    () =>
      follow({
        credits: (now) => {
          set(now);
          reload();
        },
      }),
    [set, reload],
  );
  const now = credits.value;
  return (
    <section className="card">
      <h2>{say("credits")}</h2>
      {credits.problem !== null && <Wrong text={inWords(credits.problem, say)} onRetry={credits.reload} />}
      {now === null && credits.problem === null && <Waiting lines={1} />}
      {now !== null && (
        <p className="figures">
          <span>
            <b>{now.remaining === null ? say("unlimited") : amount(now.remaining, locale)}</b>{" "}
            {now.remaining !== null && say("creditsLeft")}
          </span>
          <span>
            <b>{amount(now.usage, locale)}</b> {say("creditsUsed")}
          </span>
        </p>
      )}
      <Segments<Span>
        label={say("usage")}
        value={span}
        choices={(["7", "30", "90"] as const).map((value) => ({ value, label: say("usageDays", { days: value }) }))}
        onChoose={setSpan}
      />
      {usage.problem !== null && <Wrong text={inWords(usage.problem, say)} onRetry={usage.reload} />}
      {usage.value === null && usage.problem === null && <div className="chart-space" />}
      {usage.value !== null && <Chart days={usage.value} />}
    </section>
  );
}

const WIDTH = 380;
const HEIGHT = 150;
const FOOT = 20;
const SIDE = 30;

/** Bars by day; the same figures as a table for who cannot see them. */
function Chart({ days }: { days: UsedOnDay[] }): ReactNode {
  const { say, locale } = useSpeech();
  const id = useId();
  const highest = Math.max(1, ...days.map((one) => one.charged + one.refunded));
  const most = highest === 1 ? 1 : highest + (highest % 2); // even, so that the line in the middle stands for what it says
  const step = (WIDTH - SIDE) / days.length;
  const unit = (HEIGHT - FOOT - 12) / most;
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
  const every = Math.ceil(days.length / 5);
  return (
    <figure className="chart" aria-labelledby={id}>
      <svg viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`} role="img" aria-labelledby={id}>
        {[0, 0.5, 1].map((share) => {
          const y = HEIGHT - FOOT - most * unit * share;
          return (
            <g key={share} className="grid">
              <line x1={SIDE} x2={WIDTH} y1={y} y2={y} />
              {(share !== 0.5 || most >= 2) && (
                <text x={SIDE - 6} y={y + 4} textAnchor="end">
                  {amount(Math.round(most * share), locale)}
                </text>
              )}
            </g>
          );
        })}
        {days.map((one, place) => {
          const x = SIDE + place * step;
          const width = Math.max(1.5, step * 0.68);
          return (
            <g key={one.day}>
              <title>{`${date.format(new Date(one.day))}: ${String(one.charged)}`}</title>
              <rect className="charged" x={x} y={HEIGHT - FOOT - one.charged * unit} width={width} height={one.charged * unit} rx={1.5} />
              <rect
                className="refunded"
                x={x}
                y={HEIGHT - FOOT - (one.charged + one.refunded) * unit}
                width={width}
                height={one.refunded * unit}
                rx={1.5}
              />
              {place % every === 0 && (
                <text x={x} y={HEIGHT - 4}>
                  {date.format(new Date(one.day))}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <figcaption id={id}>
        <span className="key charged">{say("usageCharged")}</span> <span className="key refunded">{say("usageRefunded")}</span>
        {days.every((one) => one.charged === 0) && <span className="none">{say("usageNone")}</span>}
      </figcaption>
      <table className="unseen">
        <thead>
          <tr>
            <th scope="col">{say("usageDay")}</th>
            <th scope="col">{say("usageCharged")}</th>
            <th scope="col">{say("usageRefunded")}</th>
            <th scope="col">{say("usageGranted")}</th>
          </tr>
        </thead>
        <tbody>
          {days
            .filter((one) => one.charged + one.refunded + one.granted > 0)
            .map((one) => (
              <tr key={one.day}>
                <th scope="row">{one.day}</th>
                <td>{one.charged}</td>
                <td>{one.refunded}</td>
                <td>{one.granted}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </figure>
  );
}
