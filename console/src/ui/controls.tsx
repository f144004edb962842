/** The small parts that all pages are made of. */

import { useEffect, useId, useRef, useState, type ButtonHTMLAttributes, type ReactNode } from "react";
import { useSpeech } from "../words";
import { Icon, type IconName } from "./icons";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "plain" | "main" | "quiet" | "danger";
  icon?: IconName;
  busy?: boolean;
}

export function Button({ look = "plain", icon, busy = false, children, className = "", ...rest }: ButtonProps): ReactNode {
  return (
    <button type="button" {...rest} className={`button ${look} ${className}`} disabled={rest.disabled === true || busy} aria-busy={busy}>
      {busy ? <span className="spinner" aria-hidden="true" /> : icon !== undefined && <Icon name={icon} size={18} />}
      {children !== undefined && <span>{children}</span>}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> {
  icon: IconName;
  name: string;
  keys?: string;
  pressed?: boolean;
}

/** A button with a picture only; its name is read out and shown when one points at it. */
export function IconButton({ icon, name, keys, pressed, className = "", ...rest }: IconButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      className={`icon-button ${className}`}
      aria-label={name}
      title={keys === undefined ? name : `${name} (${keys})`}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      {...(keys === undefined ? {} : { "aria-keyshortcuts": keys })}
    >
      <Icon name={icon} />
    </button>
  );
}

interface Choice<T extends string> {
  value: T;
  label: string;
  disabled?: boolean;
}

/** One of a few, all in sight. */
export function Segments<T extends string>({
  label,
  value,
  choices,
  onChoose,
  hideLabel = false,
}: {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChoose: (value: T) => void;
  hideLabel?: boolean;
}): ReactNode {
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className={hideLabel ? "unseen" : "label"}>{label}</legend>
      <div>
        {choices.map((one) => (
          <label key={one.value}>
            <input
              type="radio"
              name={name}
              value={one.value}
              checked={one.value === value}
              disabled={one.disabled === true}
              onChange={() => {
                onChoose(one.value);
              }}
            />
            <span>{one.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Slider({
  label,
  value,
  least,
  most,
  step,
  shown,
  onChange,
  low,
  high,
}: {
  label: string;
  value: number;
  least: number;
  most: number;
  step: number;
  shown: string;
  onChange: (value: number) => void;
  low?: string;
  high?: string;
}): ReactNode {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <output htmlFor={id}>{shown}</output>
      <input
        id={id}
        type="range"
        min={least}
        max={most}
        step={step}
        value={value}
        aria-valuetext={shown}
        onChange={(event) => {
          onChange(Number(event.target.value));
        }}
      />
      {low !== undefined && (
        <p className="ends">
          <span>{low}</span>
          <span>{high}</span>
        </p>
      )}
    </div>
  );
}

export function Field({ label, help, children }: { label: string; help?: string; children: (id: string, described: string | undefined) => ReactNode }): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id, help === undefined ? undefined : `${id}-help`)}
      {help !== undefined && (
        <p className="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}

/** The name of something: a line of text that has to be filled in. */
export function NameField({ label, help, value, onChange }: { label: string; help?: string; value: string; onChange: (value: string) => void }): ReactNode {
  return (
    <Field label={label} {...(help === undefined ? {} : { help })}>
      {(id, described) => (
        <input
          id={id}
          required
          maxLength={100}
          autoComplete="off"
          value={value}
          aria-describedby={described}
          onChange={(event) => {
            onChange(event.target.value);
          }}
        />
      )}
    </Field>
  );
}

/** A token that was just made: it is shown this once. */
export function Secret({ text }: { text: string }): ReactNode {
  const { say } = useSpeech();
  return (
    <div className="secret" role="status">
      <p>
        <b>{say("tokenCreated")}</b> {say("tokenOnce")}
      </p>
      <code>{text}</code>
      <CopyButton text={text} look="main" />
    </div>
  );
}

/** A text that can be taken along. */
export function CopyButton({ text, look = "plain" }: { text: string; look?: "plain" | "main" | "quiet" }): ReactNode {
  const { say } = useSpeech();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => {
      setCopied(false);
    }, 2000);
    return () => {
      clearTimeout(timer);
    };
  }, [copied]);
  return (
    <Button
      look={look}
      icon={copied ? "check" : "copy"}
      aria-live="polite"
      onClick={() => {
        void copy(text).then(setCopied);
      }}
    >
      {copied ? say("copied") : say("copy")}
    </Button>
  );
}

/** The clipboard is there on HTTPS and localhost only; elsewhere the old way works. */
async function copy(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** Something that must be decided before one goes on. */
export function Dialog({ title, open, onClose, children }: { title: string; open: boolean; onClose: () => void; children: ReactNode }): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  const { say } = useSpeech();
  const id = useId();
  useEffect(() => {
    if (open && element.current?.open === false) element.current.showModal();
    if (!open) element.current?.close();
  }, [open]);
  return (
    <dialog ref={element} className="dialog" aria-labelledby={id} onClose={onClose}>
      {open && (
        <>
          <header>
            <h2 id={id}>{title}</h2>
            <IconButton icon="close" name={say("close")} onClick={onClose} />
          </header>
          {children}
        </>
      )}
    </dialog>
  );
}

/** What stands where there is nothing yet. */
export function Nothing({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="nothing">
      <Icon name={icon} size={32} />
      <h3>{title}</h3>
      {children}
    </div>
  );
}

export function Wrong({ text, onRetry, retry }: { text: string; onRetry?: () => void; retry?: string }): ReactNode {
  const { say } = useSpeech();
  return (
    <div className="wrong" role="alert">
      <Icon name="alert" size={18} />
      <p>{text}</p>
      {onRetry !== undefined && (
        <Button look="quiet" icon="retry" onClick={onRetry}>
          {retry ?? say("retry")}
        </Button>
      )}
    </div>
  );
}

/** Grey bars where text will be, as high as the text. */
export function Waiting({ lines = 3 }: { lines?: number }): ReactNode {
  const { say } = useSpeech();
  return (
    <div className="waiting" role="status">
      <span className="unseen">{say("loading")}</span>
      {Array.from({ length: lines }, (_, place) => (
        <i key={place} />
      ))}
    </div>
  );
}
