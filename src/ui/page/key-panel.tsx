import type { ComponentChildren } from "preact";
import { holderName, waiterName } from "../../status/holder-name.ts";
import { printable } from "../../status/printable.ts";
import type { BreakingView, HoldView, LockView, Loss, Part, Since, WaiterView } from "../snapshot.ts";
import { heldFor, heldForText } from "./held-for.ts";
import { unwatchedMs, type WatchedTime } from "./hold-spans.ts";
import {
  breakerLabel,
  counted,
  duration,
  endLabel,
  freeInLabel,
  lossLabel,
  partLabel,
  STATE_MEANINGS,
} from "./labels.ts";
import { Beginning, Between, Moment, Period } from "./moment.tsx";
import { Purpose } from "./purpose.tsx";
import { breakCommandLine } from "./shell-command.ts";
import { StateBadge } from "./state-badge.tsx";

/** The most holds of one key that are listed. */
const MOST_LISTED = 100;

/** The part of a key that is to be broken. */
export interface BreakTarget {
  readonly lock: LockView;
  readonly part: Part;
}

export interface KeyPanelProps {
  readonly name: string;
  readonly lock: LockView | undefined;
  readonly holds: readonly HoldView[];
  readonly losses: readonly Loss[];
  readonly watched: WatchedTime;
  /** Account and container. */
  readonly place: string;
  readonly container: string;
  readonly mayBreak: boolean;
  onBreak(target: BreakTarget): void;
}

export function KeyPanel({ name, lock, holds, losses, watched, place, container, mayBreak, onBreak }: KeyPanelProps) {
  if (!lock && holds.length === 0) {
    return (
      <p>
        Nothing is known of <code>{printable(name)}</code> in <code>{place}</code>: it is not held, and no holder left a
        record.
      </p>
    );
  }
  const { now } = watched;
  return (
    <>
      {lock ? (
        <LockFacts lock={lock} watched={watched} />
      ) : (
        <p>It is not listed any more: it is free and no record is left, or its blob was deleted.</p>
      )}
      {lock && lock.waiting.length > 0 ? (
        <WaiterList title="Waiting, first come first" waiters={lock.waiting} now={now} />
      ) : null}
      {lock?.semaphore ? <PermitList lock={lock} watched={watched} mayBreak={mayBreak} onBreak={onBreak} /> : null}
      {lock && lock.readers.length > 0 ? <ReaderList lock={lock} watched={watched} /> : null}
      {lock ? <Breaking lock={lock} now={now} container={container} mayBreak={mayBreak} onBreak={onBreak} /> : null}
      {losses.length > 0 ? <LossList losses={losses} now={now} /> : null}
      <History holds={holds} watched={watched} />
    </>
  );
}

function LockFacts({ lock, watched }: { readonly lock: LockView; readonly watched: WatchedTime }) {
  const { state, holder, lastHolder, purpose, since, highestToken, recordedAt } = lock;
  const { now } = watched;
  const isHeld = state === "held" || state === "breaking";
  return (
    <>
      <p class="lead">
        <StateBadge lock={lock} now={now} /> <span>{meaningOf(lock)}</span>
      </p>
      <dl>
        {lock.mixedUse === undefined ? null : (
          <FactRow name="Mixed use">
            <strong>{lock.mixedUse}</strong>
          </FactRow>
        )}
        {holder ? (
          <FactRow name="Holder">
            <strong>{holderName(holder)}</strong>
            {holder.name === `${holder.host}:${holder.pid}` ? null : (
              <div class="muted">
                host {printable(holder.host)}, pid {holder.pid}
              </div>
            )}
          </FactRow>
        ) : null}
        {isHeld && !holder ? (
          <FactRow name="Holder">
            unknown: it left no record (a go-azuremutex, acquire(), a locker without fencing or an infinite lease)
          </FactRow>
        ) : null}
        {lock.lastSlot ? (
          <FactRow name="Last slot">
            {printable(lock.lastSlot.label)}
            <div class="muted">
              by {printable(lock.lastSlot.by)}, <Moment at={lock.lastSlot.at} now={now} />
            </div>
          </FactRow>
        ) : null}
        {lastHolder ? (
          <FactRow name="Last holder">
            {holderName(lastHolder)}
            {recordedAt === undefined ? null : (
              <div class="muted">
                record of <Moment at={recordedAt} now={now} />
              </div>
            )}
          </FactRow>
        ) : null}
        {purpose === undefined ? null : (
          <FactRow name="Purpose">
            <Purpose text={purpose} />
          </FactRow>
        )}
        {since ? (
          <FactRow name="Held for">
            <span class="ticking">{heldForText(heldFor(since, watched.seenUntil))}</span>, since{" "}
            <Beginning since={since} now={now} />
            <div class="muted">{laterBeginning(since, watched)}</div>
          </FactRow>
        ) : null}
        <FactRow name="Lease">{leaseText(lock, now)}</FactRow>
        {highestToken === undefined ? null : (
          <FactRow name="Token">
            none up to now is higher than <code>{highestToken}</code>
          </FactRow>
        )}
      </dl>
    </>
  );
}

/** Why the present hold may have begun later than shown. Empty if it was watched all the time. */
function laterBeginning(since: Since, watched: WatchedTime): string {
  const unwatched = unwatchedMs(since, watched);
  if (unwatched === 0) return "";
  const source = since.isFromBefore ? "by its record; " : "";
  return `${source}not watched for ${duration(unwatched)} of it, in which it may have been released and taken again`;
}

function leaseText({ state, holder, lease, leaseSeconds, infinite, breaking }: LockView, now: number): string {
  if (lease === "missing") return "none: there is no blob of that name";
  if (breaking) {
    const by = breakerLabel(breaking.by);
    return `breaking${by}: it is not renewed any more, and is free ${freeInLabel(breaking, now)}`;
  }
  if (infinite) return `${lease}, infinite: it ends when it is released or broken`;
  if (state !== "held" || !holder || leaseSeconds === undefined) return lease;
  return `${lease}, ${leaseSeconds} s long. How much of it is left only its holder knows.`;
}

function meaningOf(lock: LockView): string {
  const { state, semaphore, readers } = lock;
  if (state !== "inUse") return STATE_MEANINGS[state];
  const permits =
    semaphore && semaphore.held.length > 0 ? `${semaphore.held.length} of ${semaphore.permits} permits are held.` : "";
  const reading = readers.length > 0 ? `${counted(readers.length, "process reads", "processes read")}.` : "";
  return [permits, reading].filter(Boolean).join(" ");
}

function FactRow({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function WaiterList({
  title,
  waiters,
  now,
}: {
  readonly title: string;
  readonly waiters: readonly WaiterView[];
  readonly now: number;
}) {
  return (
    <section>
      <h3>{title}</h3>
      <ol class="people">
        {waiters.map(({ holder, since }, index) => (
          <li key={`${index} ${holder?.name}`}>
            <span class="who">{waiterName({ holder })}</span>
            {since === undefined ? null : <span class="muted ticking">{duration(now - since)}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

interface PartsProps {
  readonly lock: LockView;
  readonly watched: WatchedTime;
  readonly mayBreak: boolean;
  onBreak(target: BreakTarget): void;
}

function PermitList({ lock, watched, mayBreak, onBreak }: PartsProps) {
  const { semaphore } = lock;
  if (!semaphore) return null;
  return (
    <section>
      <h3>
        Permits: {semaphore.held.length} of {semaphore.permits} held
      </h3>
      <ul class="people">
        {semaphore.held.map(({ slot, holder, purpose, since, breaking }) => (
          <li key={slot}>
            <span class="who">
              <span class="muted">{slot}</span> {holderName(holder)}
              {purpose === undefined ? null : <PurposeAfter text={purpose} />}
              {breaking ? <BreakingNote breaking={breaking} now={watched.now} /> : null}
            </span>
            {since ? <span class="muted ticking">{heldForText(heldFor(since, watched.seenUntil))}</span> : null}
            {mayBreak && !breaking ? (
              <button type="button" class="small" onClick={() => onBreak({ lock, part: { kind: "permit", slot } })}>
                Break<span class="unseen"> permit {slot}</span>…
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {semaphore.waiting.length > 0 ? (
        <WaiterList title="Waiting for a permit, first come first" waiters={semaphore.waiting} now={watched.now} />
      ) : null}
    </section>
  );
}

/** ` breaking, free in 12 s` */
function BreakingNote({ breaking, now }: { readonly breaking: BreakingView; readonly now: number }) {
  return (
    <span class="bad">
      {" "}
      breaking{breakerLabel(breaking.by)}, free <span class="ticking">{freeInLabel(breaking, now)}</span>
    </span>
  );
}

function PurposeAfter({ text }: { readonly text: string }) {
  return (
    <span class="muted">
      {" "}
      <Purpose text={text} />
    </span>
  );
}

function ReaderList({ lock, watched }: { readonly lock: LockView; readonly watched: WatchedTime }) {
  return (
    <section>
      <h3>Readers</h3>
      <ul class="people">
        {lock.readers.map(({ holder, breaking, since }, index) => (
          <li key={`${index} ${holder.name}`}>
            <span class="who">
              {holderName(holder)}
              {breaking ? <BreakingNote breaking={breaking} now={watched.now} /> : null}
            </span>
            {since ? <span class="muted ticking">{heldForText(heldFor(since, watched.seenUntil))}</span> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface BreakingProps {
  readonly lock: LockView;
  readonly now: number;
  readonly container: string;
  readonly mayBreak: boolean;
  onBreak(target: BreakTarget): void;
}

function Breaking({ lock, now, container, mayBreak, onBreak }: BreakingProps) {
  const { state, readers, semaphore, key, breaking } = lock;
  if (state !== "held" && state !== "breaking" && state !== "inUse") return null;
  if (!mayBreak) {
    return (
      <p class="muted">
        Locks cannot be broken from here. Start <code>azmutex ui --allow-break</code>, or run{" "}
        <code>{breakCommandLine(key, container)}</code>.
      </p>
    );
  }
  return (
    <p class="actions">
      {state === "held" ? (
        <button type="button" class="danger" onClick={() => onBreak({ lock, part: { kind: "lock" } })}>
          Break the lock…
        </button>
      ) : null}
      {readers.length > 0 ? (
        <button type="button" class="danger" onClick={() => onBreak({ lock, part: { kind: "reader" } })}>
          Break a read lock…
        </button>
      ) : null}
      {breaking ? <span class="muted">It was broken already, and is free {freeInLabel(breaking, now)}.</span> : null}
      {state === "inUse" && semaphore && readers.length === 0 ? (
        <span class="muted">Permits are broken one by one, above.</span>
      ) : null}
    </p>
  );
}

function LossList({ losses, now }: { readonly losses: readonly Loss[]; readonly now: number }) {
  return (
    <section>
      <h3>Lost</h3>
      <ul class="history">
        {losses.map((loss) => (
          <li key={loss.id}>
            <div class="who">
              {holderName(loss.holder)}
              {loss.part.kind === "lock" ? null : <span class="muted"> · {partLabel(loss.part)}</span>}{" "}
              <span class="bad">{lossLabel(loss)}</span>
            </div>
            <div class="muted">
              <Between earliest={loss.after ?? loss.at} latest={loss.at} now={now} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The timeline as text, the latest hold first. */
function History({ holds, watched }: { readonly holds: readonly HoldView[]; readonly watched: WatchedTime }) {
  const { now } = watched;
  const listed = holds.toSorted((a, b) => (b.to ?? now) - (a.to ?? now) || b.from - a.from).slice(0, MOST_LISTED);
  return (
    <section>
      <h3>History</h3>
      {listed.length === 0 ? <p class="muted">No hold was seen since this page was served.</p> : null}
      <ul class="history">
        {listed.map((hold) => {
          const { id, holder, part, purpose } = hold;
          const unwatched = unwatchedMs(hold, watched);
          return (
            <li key={id}>
              <div class="who">
                {holderName(holder)}
                {part.kind === "lock" ? null : <span class="muted"> · {partLabel(part)}</span>}
                {purpose === undefined ? null : <PurposeAfter text={purpose} />}
              </div>
              <div class="muted">
                <Period hold={hold} watched={watched} /> · {heldForText(heldFor(hold, watched.seenUntil))}
                {unwatched > 0 ? `, not watched for ${duration(unwatched)} of it` : ""} · {endLabel(hold)}
              </div>
            </li>
          );
        })}
      </ul>
      {holds.length > MOST_LISTED ? (
        <p class="muted">and {counted(holds.length - MOST_LISTED, "hold", "holds")} before</p>
      ) : null}
    </section>
  );
}
