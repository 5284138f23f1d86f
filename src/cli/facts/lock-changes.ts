import type { Holder, LockStatus } from "../../index.ts";
import { printable } from "../printable.ts";
import { heldBy, named, permitsOf, presentHolder, readersOf, shownTime, waitersOf } from "./lock-words.ts";

/** What may be new about a lock since the last look. */
export type LockEvent =
  /** The first look: the state as it is. */
  | "seen"
  /** Somebody has taken the lock. */
  | "held"
  /** The lock was broken: its holder cannot renew it, and it is free when the lease ends. */
  | "breaking"
  /** Nobody holds the lock any more: `state` says whether it was released (`available`), ran out (`expired`) or was broken. */
  | "free"
  /** Others wait for the lock or for a permit than before, or in another order. */
  | "waiting"
  /** Others hold permits of the semaphore than before. */
  | "permits"
  /** Others read than before. */
  | "readers"
  /** Nothing under this key is a lock any more: its blob was deleted. */
  | "gone";

export interface LockChange {
  readonly event: LockEvent;
  readonly status: LockStatus;
}

/** Every lock that a look has shown, by key. */
export type LocksSeen = ReadonlyMap<string, LockStatus>;

/** What is new, by key. What came and went between two looks is not seen. */
export function changesBetween(before: LocksSeen | undefined, now: LocksSeen): LockChange[] {
  if (!before) return [...now.values()].map((status) => ({ event: "seen", status }));
  const keys = [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return keys.flatMap((key) => {
    const status = now.get(key) ?? unlisted(key);
    return eventsBetween(before.get(key) ?? unlisted(key), status).map((event) => ({ event, status }));
  });
}

/** What is not listed: nobody holds it, and nobody who did left a record. */
function unlisted(key: string): LockStatus {
  return { key, isHeld: false, state: "missing", infinite: false };
}

function eventsBetween(before: LockStatus, now: LockStatus): LockEvent[] {
  const events: LockEvent[] = [];
  if (now.isHeld && now.state !== "breaking" && (before.state !== "leased" || holderId(before) !== holderId(now))) events.push("held");
  if (now.state === "breaking" && before.state !== "breaking") events.push("breaking");
  if (!now.isHeld && before.isHeld) events.push("free");
  if (idsOf(waitersOf(before)) !== idsOf(waitersOf(now))) events.push("waiting");
  if (permitsId(before) !== permitsId(now)) events.push("permits");
  if (idsOf(before.readers ?? []) !== idsOf(now.readers ?? [])) events.push("readers");
  // Made and released between two looks, or deleted: there is nothing else to say of it.
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

/** Somebody who waits, reads, or has a permit. */
interface Named {
  readonly holder?: Holder;
  readonly state?: string;
}

function idsOf(some: readonly Named[]): string {
  return JSON.stringify(some.map(({ holder, state }) => [idOf(holder), state]));
}

function permitsId({ semaphore }: LockStatus): string {
  if (!semaphore) return "";
  return `${semaphore.permits} ${semaphore.held.map(({ slot, state, holder }) => `${slot} ${state} ${idOf(holder)}`).join()}`;
}

/** `2026-11-23T13:05:12Z nightly held by build-7:4123 (deploy 42)` */
export function changeLine({ event, status }: LockChange, now: number): string {
  return `${shownTime(now)} ${printable(status.key)} ${whatHappened(event, status)}`;
}

function whatHappened(event: LockEvent, status: LockStatus): string {
  switch (event) {
    case "seen":
      return stateOf(status);
    case "held":
      return `held by ${heldBy(status)}`;
    case "breaking":
      return breaking(status);
    case "free":
      return free(status);
    case "waiting":
      return waiting(status);
    case "permits":
      return permits(status);
    case "readers":
      return readers(status);
    case "gone":
      return "gone: its blob was deleted";
  }
}

/** All of it, in one line. */
function stateOf(status: LockStatus): string {
  const { isHeld, state, semaphore, readers: reading = [] } = status;
  const others = [
    ...(semaphore ? [permits(status)] : []),
    ...(reading.length > 0 ? [readers(status)] : []),
    ...(waitersOf(status).length > 0 ? [waiting(status)] : []),
  ];
  const lock = isHeld ? [state === "breaking" ? breaking(status) : `held by ${heldBy(status)}`] : state === "missing" ? [] : [free(status)];
  return [...lock, ...others].join("; ") || "free";
}

function breaking(status: LockStatus): string {
  return `broken, and free when the lease of ${heldBy(status)} ends`;
}

function free({ state, holder }: LockStatus): string {
  if (state === "expired") return `free: the lease of ${named(holder)} ran out`;
  return state === "broken" ? `free: the lease of ${named(holder)} was broken` : "free";
}

function waiting(status: LockStatus): string {
  const waiters = waitersOf(status);
  return waiters.length === 0 ? "nobody waiting" : `${waiters.length} waiting: ${namesOf(waiters)}`;
}

function permits({ semaphore }: LockStatus): string {
  if (!semaphore) return "no semaphore any more";
  return `${permitsOf(semaphore)} held${semaphore.held.length > 0 ? `: ${namesOf(semaphore.held)}` : ""}`;
}

function readers({ readers: reading = [] }: LockStatus): string {
  if (reading.length === 0) return "no readers";
  return `${readersOf(reading)}: ${namesOf(reading)}`;
}

function namesOf(some: readonly Named[]): string {
  return some.map(({ holder, state }) => `${named(holder)}${state === "breaking" ? " (breaking)" : ""}`).join(", ");
}
