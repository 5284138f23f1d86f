import type { TargetedSubmitEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { BreakResult } from "../../index.ts";
import { longestBreakSeconds } from "../../status/breaking.ts";
import { holderName } from "../../status/holder-name.ts";
import { printable } from "../../status/printable.ts";
import type { LockView, PageBreakRequest, Part, Since } from "../snapshot.ts";
import { fetchSignedIn, UnauthorizedError } from "./access.ts";
import { heldFor, heldForText } from "./held-for.ts";
import type { WatchedTime } from "./hold-spans.ts";
import type { BreakTarget } from "./key-panel.tsx";
import { Purpose } from "./purpose.tsx";

const NO_ANSWER = "the page's server did not answer: it may have been broken or not; look at the state";

type Progress =
  | { readonly kind: "asking" }
  | { readonly kind: "sent" }
  | { readonly kind: "done" | "failed"; readonly text: string };

/** The holder that a break would stop. */
interface StoppedHolder {
  readonly holder?: { readonly name: string };
  readonly purpose?: string;
  readonly leaseSeconds?: number;
  readonly since?: Since;
}

interface BreakDialogProps {
  readonly target: BreakTarget;
  /** Account and container. */
  readonly place: string;
  readonly watched: WatchedTime;
  onClose(): void;
  onBroken(): void;
}

/** Asks before a break: says which holder is stopped and when the lock is free, and wants the key typed. */
export function BreakDialog({ target: { lock, part }, place, watched, onClose, onBroken }: BreakDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [atOnce, setAtOnce] = useState(false);
  const [reader, setReader] = useState(lock.readers[0]?.holder.name ?? "");
  const [progress, setProgress] = useState<Progress>({ kind: "asking" });
  // The holder when the dialog opened: one that takes the lock meanwhile is not to be stopped.
  const [stopped] = useState(() => stoppedHolderOf(lock, part));
  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("input[type=text]")?.focus();
  }, []);

  const send = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    setProgress({ kind: "sent" });
    const holder = part.kind === "reader" ? reader : stopped.holder?.name;
    const request: PageBreakRequest = { key: lock.key, typed, part, atOnce, ...(holder !== undefined && { holder }) };
    setProgress(await sendBreak(request));
    onBroken();
  };
  const shownKey = printable(lock.key);
  // A key with characters that cannot be typed is confirmed as it is shown.
  const isConfirmed = typed === lock.key || typed === shownKey;
  const isOver = progress.kind === "done" || progress.kind === "failed";
  return (
    <dialog ref={dialog} aria-labelledby="break-title" onClose={onClose}>
      <form onSubmit={(event) => void send(event)}>
        <h2 id="break-title">
          Break {WHAT[part.kind]} <code>{shownKey}</code>
          {part.kind === "permit" ? `, permit ${part.slot}` : ""}
          <span class="muted"> in {place}</span>
        </h2>
        {part.kind === "reader" ? (
          <>
            <p>
              The processes with this holder's name will be stopped: each loses its read lock, and with it all tasks
              that read in it.
            </p>
            <label class="field">
              Holder
              <select value={reader} onChange={({ currentTarget }) => setReader(currentTarget.value)}>
                {[...new Set(lock.readers.map(({ holder }) => holder.name))].map((name) => (
                  <option key={name} value={name}>
                    {printable(name)}
                  </option>
                ))}
              </select>
            </label>
          </>
        ) : (
          <StoppedHolderText stopped={stopped} watched={watched} />
        )}
        <When
          stopped={stopped}
          isInfinite={lock.infinite && part.kind === "lock"}
          atOnce={atOnce}
          onAtOnce={setAtOnce}
        />
        <label class="field">
          <span>
            To confirm, type the key: <code>{shownKey}</code>
          </span>
          <input
            type="text"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            value={typed}
            disabled={isOver}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        {progress.kind === "done" ? <p role="status">{progress.text}</p> : null}
        {progress.kind === "failed" ? (
          <p role="alert" class="bad">
            {progress.text}
          </p>
        ) : null}
        <p class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {isOver ? "Close" : "Cancel"}
          </button>
          {isOver ? null : (
            <button type="submit" class="danger solid" disabled={!isConfirmed || progress.kind === "sent"}>
              {progress.kind === "sent" ? "Breaking…" : `${ACTION[part.kind]}${atOnce ? " now" : ""}`}
            </button>
          )}
        </p>
      </form>
    </dialog>
  );
}

const WHAT: Readonly<Record<Part["kind"], string>> = {
  lock: "the lock",
  permit: "a permit of",
  reader: "a read lock on",
};

const ACTION: Readonly<Record<Part["kind"], string>> = {
  lock: "Break the lock",
  permit: "Break the permit",
  reader: "Break the read lock",
};

function StoppedHolderText({
  stopped: { holder, purpose, since },
  watched,
}: {
  readonly stopped: StoppedHolder;
  readonly watched: WatchedTime;
}) {
  return (
    <p>
      <strong>{holder ? holderName(holder) : "Its holder"} will be stopped</strong>: <code>azmutex run</code> ends its
      command, and a program is told by <code>lock.signal</code>.{" "}
      {purpose === undefined ? null : (
        <>
          Purpose: <Purpose text={purpose} />.{" "}
        </>
      )}
      {since ? `Held for ${heldForText(heldFor(since, watched.seenUntil))}.` : ""}
      {holder ? "" : " It left no name. A go-azuremutex does not stop when its lease is broken: end its process first."}
    </p>
  );
}

interface WhenProps {
  readonly stopped: StoppedHolder;
  readonly isInfinite: boolean;
  readonly atOnce: boolean;
  onAtOnce(atOnce: boolean): void;
}

function When({ stopped, isInfinite, atOnce, onAtOnce }: WhenProps) {
  if (isInfinite)
    return (
      <p class="bad">
        An infinite lease ends at once: its holder learns of it up to 20 s later, and until then two may be at work.
      </p>
    );
  return (
    <fieldset>
      <legend>When it is free</legend>
      <label>
        <input type="radio" name="when" checked={!atOnce} onChange={() => onAtOnce(false)} />
        <span>
          <strong>When its lease ends</strong>, in at most {longestBreakSeconds(stopped)} s. Its holder cannot renew it,
          and stops before.
        </span>
      </label>
      <label>
        <input type="radio" name="when" checked={atOnce} onChange={() => onAtOnce(true)} />
        <span>
          <strong>At once.</strong> Its holder goes on until its next renewal fails:{" "}
          <span class="bad">until then two may be at work</span>. For a holder that you know to be dead.
        </span>
      </label>
    </fieldset>
  );
}

function stoppedHolderOf({ holder, purpose, leaseSeconds, since, semaphore }: LockView, part: Part): StoppedHolder {
  if (part.kind === "permit") return semaphore?.held.find(({ slot }) => slot === part.slot) ?? {};
  if (part.kind === "reader") return {};
  const known = holder
    ? { holder, ...(purpose !== undefined && { purpose }), ...(leaseSeconds !== undefined && { leaseSeconds }) }
    : {};
  return { ...known, ...(since && { since }) };
}

async function sendBreak(request: PageBreakRequest): Promise<Progress> {
  try {
    const answer = await fetchSignedIn("/break", request);
    if (!answer.ok) return { kind: "failed", text: ((await answer.json()) as { message: string }).message };
    return { kind: "done", text: resultText((await answer.json()) as BreakResult) };
  } catch (error) {
    return {
      kind: "failed",
      text: error instanceof UnauthorizedError ? "this link is of an earlier run; nothing was changed" : NO_ANSWER,
    };
  }
}

function resultText(result: BreakResult): string {
  switch (result.outcome) {
    case "broken":
      return result.freeInSeconds === 0 ? "Broken, and free now." : `Broken. Free in ${result.freeInSeconds} s.`;
    case "notHeld":
      return "It is not held any more: nothing was changed.";
    case "heldByAnother":
      return `By now ${holderName(result.holder)} has it: nothing was changed.`;
  }
}
