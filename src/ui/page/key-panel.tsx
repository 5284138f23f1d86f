import type { ComponentChildren } from "preact";
import type { Hold, LockView, Loss, Part, WaiterView } from "../snapshot.ts";
import { Moment } from "./moment.tsx";
import { StateBadge } from "./state-badge.tsx";
import { counted, duration, endOf, heldFor, holderName, MEANING, partName, WHY } from "./words.ts";

/** Holds of one key that are listed. */
const MOST_LISTED = 100;

/** What of a key is to be broken. */
export interface BreakTarget {
  readonly lock: LockView;
  readonly part: Part;
}

export interface KeyPanelProps {
  readonly name: string;
  readonly lock: LockView | undefined;
  readonly holds: readonly Hold[];
  readonly losses: readonly Loss[];
  readonly now: number;
  /** Account and container. */
  readonly place: string;
  readonly container: string;
  readonly mayBreak: boolean;
  onBreak(target: BreakTarget): void;
}

export function KeyPanel({ name, lock, holds, losses, now, place, container, mayBreak, onBreak }: KeyPanelProps) {
  if (!lock && holds.length === 0) {
    return (
      <p>
        Nothing is known of <code>{name}</code> in <code>{place}</code>: nobody holds it, and nobody who held it left a record.
      </p>
    );
  }
  return (
    <>
      {lock ? (
        <LockFacts lock={lock} now={now} />
      ) : (
        <p>It is not listed any more: nobody holds it and no record is left, or its blob was deleted.</p>
      )}
      {lock && lock.waiting.length > 0 ? <Waiters title="Waiting, first come first" waiters={lock.waiting} now={now} /> : null}
      {lock?.semaphore ? <Permits lock={lock} now={now} mayBreak={mayBreak} onBreak={onBreak} /> : null}
      {lock && lock.readers.length > 0 ? <Readers lock={lock} now={now} /> : null}
      {lock ? <Breaking lock={lock} container={container} mayBreak={mayBreak} onBreak={onBreak} /> : null}
      {losses.length > 0 ? <LossList losses={losses} now={now} /> : null}
      <History holds={holds} now={now} />
    </>
  );
}

function LockFacts({ lock, now }: { readonly lock: LockView; readonly now: number }) {
  const { word, holder, lastHolder, purpose, since, lease, leaseSeconds, infinite, highestToken, recordedAt } = lock;
  const isHeld = word === "held" || word === "breaking";
  return (
    <>
      <p class="lead">
        <StateBadge lock={lock} /> <span>{meaningOf(lock)}</span>
      </p>
      <dl>
        {holder ? (
          <Fact name="Holder">
            <strong>{holder.name}</strong>
            {holder.name === `${holder.host}:${holder.pid}` ? null : (
              <div class="muted">
                host {holder.host}, pid {holder.pid}
              </div>
            )}
          </Fact>
        ) : null}
        {isHeld && !holder ? (
          <Fact name="Holder">unknown: it left no record (a go-azuremutex, acquire(), a locker without fencing or an infinite lease)</Fact>
        ) : null}
        {lastHolder ? (
          <Fact name="Last holder">
            {lastHolder.name}
            {recordedAt === undefined ? null : (
              <div class="muted">
                record of <Moment at={recordedAt} now={now} />
              </div>
            )}
          </Fact>
        ) : null}
        {purpose === undefined ? null : <Fact name="Purpose">{purpose}</Fact>}
        {since ? (
          <Fact name="Held for">
            <span class="ticking">{heldFor(since, now)}</span>, since <Moment at={since.from} now={now} />
            {since.isFromBefore ? <div class="muted">since before this page was served; it may have held it several times</div> : null}
          </Fact>
        ) : null}
        <Fact name="Lease">
          {lease === "missing" ? "none: there is no blob of that name" : lease}
          {isHeld && leaseSeconds !== undefined && holder ? `, ${leaseSeconds} s long. How much of it is left only its holder knows.` : ""}
          {infinite ? ", infinite: it ends when it is released or broken" : ""}
        </Fact>
        {highestToken === undefined ? null : (
          <Fact name="Token">
            none up to now is higher than <code>{highestToken}</code>
          </Fact>
        )}
      </dl>
    </>
  );
}

function meaningOf(lock: LockView): string {
  const { word, semaphore, readers } = lock;
  if (word !== "inUse") return MEANING[word];
  const permits = semaphore && semaphore.held.length > 0 ? `${semaphore.held.length} of ${semaphore.permits} permits are held.` : "";
  const reading = readers.length > 0 ? `${counted(readers.length, "process reads", "processes read")}.` : "";
  return [permits, reading].filter(Boolean).join(" ");
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Waiters({ title, waiters, now }: { readonly title: string; readonly waiters: readonly WaiterView[]; readonly now: number }) {
  return (
    <section>
      <h3>{title}</h3>
      <ol class="people">
        {waiters.map(({ holder, since }, index) => (
          <li key={`${index} ${holder?.name}`}>
            <span class="who">{holderName(holder)}</span>
            {since === undefined ? null : <span class="muted ticking">{duration(now - since)}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}

interface PartsProps {
  readonly lock: LockView;
  readonly now: number;
  readonly mayBreak: boolean;
  onBreak(target: BreakTarget): void;
}

function Permits({ lock, now, mayBreak, onBreak }: PartsProps) {
  const { semaphore } = lock;
  if (!semaphore) return null;
  return (
    <section>
      <h3>
        Permits: {semaphore.held.length} of {semaphore.permits} held
      </h3>
      <ul class="people">
        {semaphore.held.map(({ slot, holder, purpose, since, isBreaking }) => (
          <li key={slot}>
            <span class="who">
              <span class="muted">{slot}</span> {holderName(holder)}
              {purpose === undefined ? null : <span class="muted"> {purpose}</span>}
              {isBreaking ? <span class="bad"> breaking</span> : null}
            </span>
            {since ? <span class="muted ticking">{heldFor(since, now)}</span> : null}
            {mayBreak && !isBreaking ? (
              <button type="button" class="small" onClick={() => onBreak({ lock, part: { kind: "permit", slot } })}>
                Break<span class="unseen"> permit {slot}</span>…
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {semaphore.waiting.length > 0 ? (
        <Waiters title="Waiting for a permit, first come first" waiters={semaphore.waiting} now={now} />
      ) : null}
    </section>
  );
}

function Readers({ lock, now }: { readonly lock: LockView; readonly now: number }) {
  return (
    <section>
      <h3>Readers</h3>
      <ul class="people">
        {lock.readers.map(({ holder, isBreaking, since }, index) => (
          <li key={`${index} ${holder.name}`}>
            <span class="who">
              {holder.name}
              {isBreaking ? <span class="bad"> breaking</span> : null}
            </span>
            {since ? <span class="muted ticking">seen for {heldFor(since, now)}</span> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface BreakingProps {
  readonly lock: LockView;
  readonly container: string;
  readonly mayBreak: boolean;
  onBreak(target: BreakTarget): void;
}

function Breaking({ lock, container, mayBreak, onBreak }: BreakingProps) {
  const { word, readers, semaphore, key } = lock;
  if (word !== "held" && word !== "breaking" && word !== "inUse") return null;
  if (!mayBreak) {
    return (
      <p class="muted">
        Locks cannot be broken from here. Start <code>azmutex ui --allow-break</code>, or run <code>{commandFor(key, container)}</code>.
      </p>
    );
  }
  return (
    <p class="actions">
      {word === "held" ? (
        <button type="button" class="danger" onClick={() => onBreak({ lock, part: { kind: "lock" } })}>
          Break the lock…
        </button>
      ) : null}
      {readers.length > 0 ? (
        <button type="button" class="danger" onClick={() => onBreak({ lock, part: { kind: "reader" } })}>
          Break a read lock…
        </button>
      ) : null}
      {word === "breaking" ? <span class="muted">It was broken already, and is free when its lease ends.</span> : null}
      {word === "inUse" && semaphore && readers.length === 0 ? <span class="muted">Permits are broken one by one, above.</span> : null}
    </p>
  );
}

/** As a shell takes it. */
function commandFor(key: string, container: string): string {
  const quoted = /^[\w./:-]+$/.test(key) ? key : `'${key.replaceAll("'", `'\\''`)}'`;
  return `azmutex break${container === "locks" ? "" : ` --container ${container}`} ${quoted}`;
}

function LossList({ losses, now }: { readonly losses: readonly Loss[]; readonly now: number }) {
  return (
    <section>
      <h3>Lost</h3>
      <ul class="people">
        {losses.map(({ id, holder, at, why, part }) => (
          <li key={id}>
            <span class="who">
              {holderName(holder)}
              {part.kind === "lock" ? "" : `, ${partName(part)}`}: <span class="bad">{WHY[why]}</span>
            </span>
            <Moment at={at} now={now} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The timeline in words, the latest first. */
function History({ holds, now }: { readonly holds: readonly Hold[]; readonly now: number }) {
  const listed = holds.toSorted((a, b) => (b.to ?? now) - (a.to ?? now) || b.from - a.from).slice(0, MOST_LISTED);
  return (
    <section>
      <h3>History</h3>
      {listed.length === 0 ? <p class="muted">Nobody has held it since this page was served.</p> : null}
      <ul class="history">
        {listed.map((hold) => {
          const { id, from, to, holder, part, purpose, isFromBefore } = hold;
          return (
            <li key={id}>
              <div class="who">
                {holderName(holder)}
                {part.kind === "lock" ? null : <span class="muted"> · {partName(part)}</span>}
                {purpose === undefined ? null : <span class="muted"> {purpose}</span>}
              </div>
              <div class="muted">
                {isFromBefore ? "from before, " : ""}
                <Moment at={from} now={now} /> to {to === undefined ? "now" : <Moment at={to} now={now} />} · {heldFor(hold, now)} ·{" "}
                {endOf(hold)}
              </div>
            </li>
          );
        })}
      </ul>
      {holds.length > MOST_LISTED ? <p class="muted">and {counted(holds.length - MOST_LISTED, "hold", "holds")} before</p> : null}
    </section>
  );
}
