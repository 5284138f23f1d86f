import type { Holder } from "../blobs/holder.ts";
import { type Participant, presentHolder, waitersOf } from "./holders.ts";
import type { LockStatus } from "./lock-status.ts";
import { mixedUseOf } from "./mixed-use.ts";
import type { IsAwaiting, LocksSeen } from "./records-seen.ts";
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
  /** The last slot of the job changed, or what came of it. */
  | "slots"
  /** The key is used in ways that do not go together, or not any more: `mixedKinds`, `isFairMixed`. */
  | "mixed"
  /** Nothing under this key is a lock any more: its blob was deleted. */
  | "gone";

export interface LockChange {
  readonly event: LockChangeKind;
  readonly status: LockStatus;
}

/**
 * The changes between two looks, by key. What came and went between them is not seen. A lock whose holder may yet write
 * its record is told as held when the record is there, or when it has ended.
 */
export function changesBetween(
  before: LocksSeen | undefined,
  now: LocksSeen,
  isAwaiting: IsAwaiting = () => false,
): LockChange[] {
  if (!before) return [...now.values()].map((status) => ({ event: "seen", status }));
  const keys = [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return keys.flatMap((key) => {
    const last = before.get(key) ?? missingStatus(key);
    // A key that is not listed is free, and no holder left a record.
    const status = now.get(key) ?? missingStatus(key);
    const changes = eventsBetween(last, status, isAwaiting).map((event): LockChange => ({ event, status }));
    if (!isAwaiting(last) || status.isHeld) return changes;
    return [{ event: "held", status: { ...status, isHeld: true, state: "leased" } }, ...changes];
  });
}

function eventsBetween(before: LockStatus, now: LockStatus, isAwaiting: IsAwaiting): LockChangeKind[] {
  const events: LockChangeKind[] = [];
  const isKnown = now.isHeld && now.state !== "breaking" && !isAwaiting(now);
  if (isKnown && (isAwaiting(before) || before.state !== "leased" || holderId(before) !== holderId(now)))
    events.push("held");
  if (now.state === "breaking" && before.state !== "breaking") events.push("breaking");
  if (!now.isHeld && before.isHeld) events.push("free");
  if (idsOf(waitersOf(before)) !== idsOf(waitersOf(now))) events.push("waiting");
  if (permitsId(before, isAwaiting) !== permitsId(now, isAwaiting)) events.push("permits");
  if (idsOf(before.readers ?? []) !== idsOf(now.readers ?? [])) events.push("readers");
  if (onceId(before) !== onceId(now)) events.push("slots");
  if (mixedUseOf(before) !== mixedUseOf(now)) events.push("mixed");
  // Created and released between two looks, or deleted.
  if (events.length === 0 && before.state === "missing" && now.state !== "missing" && !now.isHeld) return ["free"];
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

function onceId({ once }: LockStatus): string {
  return once ? JSON.stringify([once.slot, once.state, once.attempt, once.token]) : "";
}

function permitsId({ semaphore }: LockStatus, isAwaiting: IsAwaiting): string {
  if (!semaphore) return "";
  const known = semaphore.held.filter((permit) => !isAwaiting(permit));
  const held = known.map(({ slot, state, holder }) => `${slot} ${state} ${idOf(holder)}`);
  return `${semaphore.permits} ${held.join()}`;
}
