/** Ways of bringing pictures: drop, paste, choose, URL. */

import { useEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import { api, type Limits } from "../api";
import { useSigned } from "../session";
import { Button, Dialog, Field, Wrong } from "../ui/controls";
import { asProblem, inWords } from "../ui/load";
import { useSpeech } from "../words";
import { bring } from "./work";

const ACCEPTED = "image/*,.tif,.tiff,.heic,.heif,.jp2,.avif";

export interface Intake {
  /** Pictures are being dragged over the page. */
  dragging: boolean;
  take: (files: Iterable<File>) => void;
}

/** Pictures dropped or pasted anywhere on the page. */
export function useIntake(): Intake {
  const { session } = useSigned();
  const { say } = useSpeech();
  const [dragging, setDragging] = useState(false);
  const limits = session?.limits ?? null;
  const take = (files: Iterable<File>): void => {
    const pictures = [...files].filter((one) => one.type.startsWith("image/") || /\.\w+$/.test(one.name));
    if (limits !== null && pictures.length > 0) void bring(pictures, limits as Limits, say);
  };
  const latest = useRef(take);
  latest.current = take;

  useEffect(() => {
    let depth = 0;
    const carries = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent): void => {
      if (!carries(event)) return;
      depth++;
      setDragging(true);
    };
    const leave = (): void => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setDragging(false);
    };
    const over = (event: DragEvent): void => {
      if (carries(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      depth = 0;
      setDragging(false);
      if (!carries(event)) return;
      event.preventDefault();
      latest.current(event.dataTransfer?.files ?? []);
    };
    const paste = (event: ClipboardEvent): void => {
      const files = event.clipboardData?.files;
      if (files === undefined || files.length === 0) return;
      event.preventDefault();
      latest.current(files);
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
      removeEventListener("paste", paste);
    };
  }, []);
  return { dragging, take };
}

export function FilePicker({ input, onTake, label }: { input: RefObject<HTMLInputElement | null>; onTake: (files: Iterable<File>) => void; label: string }): ReactNode {
  return (
    <input
      ref={input}
      type="file"
      multiple
      accept={ACCEPTED}
      className="unseen"
      tabIndex={-1}
      aria-label={label}
      onChange={(event) => {
        onTake(event.target.files ?? []);
        event.target.value = "";
      }}
    />
  );
}

/** Pictures from elsewhere, fetched by the server: a browser may not. */
export function FromUrl({ open, onClose, onTake }: { open: boolean; onClose: () => void; onTake: (files: Iterable<File>) => void }): ReactNode {
  const { say } = useSpeech();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);

  const get = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    const left: string[] = [];
    for (const url of text.split(/\s+/).filter((one) => one !== "")) {
      try {
        const picture = await api.picture(url);
        const name = decodeURIComponent(url.split(/[?#]/)[0]?.split("/").at(-1) ?? "") || "picture";
        onTake([new File([picture], name, { type: picture.type })]);
      } catch (error) {
        left.push(url);
        setWrong(`${url}: ${inWords(asProblem(error), say)}`);
      }
    }
    setBusy(false);
    setText(left.join("\n"));
    if (left.length === 0) onClose();
  };

  return (
    <Dialog title={say("byUrl")} open={open} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void get();
        }}
      >
        <Field label={say("url")} help={say("urlHelp")}>
          {(id, described) => (
            <textarea
              id={id}
              rows={3}
              required
              placeholder="https://"
              value={text}
              aria-describedby={described}
              onChange={(event) => {
                setText(event.target.value);
              }}
            />
          )}
        </Field>
        {wrong !== null && <Wrong text={wrong} />}
        <footer>
          <Button onClick={onClose}>{say("cancel")}</Button>
          <Button look="main" type="submit" busy={busy}>
            {say("fetchUrl")}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
