import type { Holder } from "../blobs/holder.ts";
import { type Participant, presentHolder, waitersOf } from "./holders.ts";
import type { LockStatus } from "./lock-status.ts";
import { mixedUseOf } from "./mixed-use.ts";
import { missingStatus } from "./status-of-blobs.ts";

/** What changed about a lock since the last look. */
export type LockChangeKind =
  /** The first look: the state as it is. */
  | "seen"
  /** The lock was taken. */
  | "held"
  /** The lock was broken: its holder cannot renew it, and it is free when the lease ends. */
  | "breaking"
  /** The lock is free: `state` says whether it was released (`available`), ran out (`expired`) or was broken. */
  | "free"
  /** The waiters for the lock or for a permit changed, or their order. */
  | "waiting"
  /** The holders of permits changed. */
  | "permits"
  /** The readers changed. */
  | "readers"
  /** The key is used in ways that do not go together, or not any more: `mixedKinds`, `isFairMixed`. */
  | "mixed"
  /** Nothing under this key is a lock any more: its blob was deleted. */
  | "gone";

export interface LockChange {
  readonly event: LockChangeKind;
  readonly status: LockStatus;
}

/** All locks of one look, by key. */
export type LocksSeen = ReadonlyMap<string, LockStatus>;

/** The changes between two looks, by key. What came and went between them is not seen. */
export function changesBetween(before: LocksSeen | undefined, now: LocksSeen): LockChange[] {
  if (!before) return [...now.values()].map((status) => ({ event: "seen", status }));
  const keys = [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return keys.flatMap((key) => {
    // A key that is not listed is free, and no holder left a record.
    const status = now.get(key) ?? missingStatus(key);
    return eventsBetween(before.get(key) ?? missingStatus(key), status).map((event) => ({ event, status }));
  });
}

function eventsBetween(before: LockStatus, now: LockStatus): LockChangeKind[] {
  const events: LockChangeKind[] = [];
  if (now.isHeld && now.state !== "breaking" && (before.state !== "leased" || holderId(before) !== holderId(now)))
    events.push("held");
  if (now.state === "breaking" && before.state !== "breaking") events.push("breaking");
  if (!now.isHeld && before.isHeld) events.push("free");
  if (idsOf(waitersOf(before)) !== idsOf(waitersOf(now))) events.push("waiting");
  if (permitsId(before) !== permitsId(now)) events.push("permits");
  if (idsOf(before.readers ?? []) !== idsOf(now.readers ?? [])) events.push("readers");
  if (mixedUseOf(before) !== mixedUseOf(now)) events.push("mixed");
  // Created and released between two looks, or deleted.
  if (events.length === 0 && before.state === "missing" && now.state !== "missing") return ["free"];
  if (events.length === 0 && before.state !== "missing" && now.state === "missing") return ["gone"];
  return events;
}

function idOf(holder: Holder | undefined): string {
  return holder ? JSON.stringify([holder.name, holder.host, holder.pid]) : "";
}

function holderId(status: LockStatus): string {
  return idOf(presentHolder(status));
}

function idsOf(some: readonly Participant[]): string {
  return JSON.stringify(some.map(({ holder, state }) => [idOf(holder), state]));
}

function permitsId({ semaphore }: LockStatus): string {
  if (!semaphore) return "";
  const held = semaphore.held.map(({ slot, state, holder }) => `${slot} ${state} ${idOf(holder)}`);
  return `${semaphore.permits} ${held.join()}`;
}
