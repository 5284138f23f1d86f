import type { Holder, LockStatus, SemaphoreStatus } from "../../index.ts";
import { holderName } from "../../status/holder-name.ts";
import { isInUse, presentHolder } from "../../status/holders.ts";
import { mixedUseOf } from "../../status/mixed-use.ts";
import { printable } from "../../status/printable.ts";
import { shownDuration } from "../options/duration.ts";
import type { Cell } from "./table.ts";

/** `build-7:4123 (deploy 42)`: the present holder of the lock. */
export function heldBy(status: LockStatus): string {
  return named(presentHolder(status), status.purpose);
}

/** A holder's name and purpose. Both are text of other processes, and are made printable. */
export function named(holder: Holder | undefined, purpose?: string): string {
  return `${holderName(holder)}${holder ? forWhat(purpose) : ""}`;
}

/** ` (deploy 42)`, or nothing. */
export function forWhat(purpose: string | undefined): string {
  return purpose === undefined ? "" : ` (${printable(purpose)})`;
}

/** `1 reader`, `2 readers` */
export function readersOf(readers: readonly unknown[]): string {
  return `${readers.length} ${readers.length === 1 ? "reader" : "readers"}`;
}

/** A name, and where it is unless the name says that. */
export function whereabouts({ name, host, pid }: Holder): string {
  return name === `${host}:${pid}` ? printable(name) : `${printable(name)} (host ${printable(host)}, pid ${pid})`;
}

/** `2026-11-23T13:05:12Z` */
export function shownTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** `2026-11-23T13:05:12Z (3 min ago)` */
export function shownSince(date: Date, now: number): string {
  return `${shownTime(date.getTime())} (${shownDuration(now - date.getTime())} ago)`;
}

/**
 * `held`, `breaking`, `free`, `2 of 5 permits`, `1 reader`: whatever there is under the key. Of a breaking lease also
 * the seconds that are left of it at most: `breaking, ≤ 26 s`. A key that is used in ways that do not go together:
 * `mixed use: held, 2 of 5 permits`.
 */
export function stateCell(status: LockStatus, secondsLeft?: number): Cell {
  const cell = plainStateCell(status, secondsLeft);
  return mixedUseOf(status) === undefined ? cell : { text: `mixed use: ${cell.text}`, paint: "red" };
}

function plainStateCell(status: LockStatus, secondsLeft: number | undefined): Cell {
  const { isHeld, state, infinite, semaphore, readers = [] } = status;
  const others = [...(semaphore ? [permitsOf(semaphore)] : []), ...(readers.length > 0 ? [readersOf(readers)] : [])];
  const breaking = secondsLeft === undefined ? "breaking" : `breaking, ≤ ${secondsLeft} s`;
  const lock = state === "breaking" ? breaking : infinite ? "held, infinite lease" : "held";
  if (isHeld) return { text: [lock, ...others].join(", "), paint: state === "breaking" || infinite ? "red" : "yellow" };
  if (others.length === 0) return { text: "free", paint: "green" };
  return { text: others.join(", "), paint: isInUse(status) ? "yellow" : "green" };
}

/** `2 of 5 permits` */
export function permitsOf({ held, permits }: SemaphoreStatus): string {
  return `${held.length} of ${permits} permits`;
}

export const NO_CONTAINER = "the container does not exist";

/** That a listing is empty. */
export function noLocks(place: string, prefix: string | undefined, isContainerMissing = false): string {
  const why = isContainerMissing ? `: ${NO_CONTAINER}` : "";
  return `no locks in ${place}${prefix ? ` with keys that begin with ${JSON.stringify(prefix)}` : ""}${why}`;
}
