import type { LockStatus } from "../../index.ts";
import { longestBreakSeconds } from "../../status/breaking.ts";
import { waiterName } from "../../status/holder-name.ts";
import { type Participant, waitersOf } from "../../status/holders.ts";
import type { LockChange, LockChangeKind } from "../../status/lock-changes.ts";
import { mixedUseOf } from "../../status/mixed-use.ts";
import { printable } from "../../status/printable.ts";
import { slotLabel } from "../../status/slot-label.ts";
import { heldBy, named, permitsOf, readersOf, shownTime } from "./lock-labels.ts";

/** `2026-11-23T13:05:12Z nightly held by build-7:4123 (deploy 42)` */
export function changeLine({ event, status }: LockChange, now: number): string {
  return `${shownTime(now)} ${printable(status.key)} ${whatHappened(event, status)}`;
}

function whatHappened(event: LockChangeKind, status: LockStatus): string {
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
    case "slots":
      return lastSlot(status);
    case "mixed":
      return mixedUseOf(status) ?? "used in one way";
    case "gone":
      return "gone: its blob was deleted";
  }
}

/** All of it, in one line. */
function stateOf(status: LockStatus): string {
  const { isHeld, state, kind, semaphore, readers: reading = [] } = status;
  const mixed = mixedUseOf(status);
  const others = [
    ...(semaphore ? [permits(status)] : []),
    ...(reading.length > 0 ? [readers(status)] : []),
    ...(waitersOf(status).length > 0 ? [waiting(status)] : []),
    ...(status.once ? [lastSlot(status)] : []),
    ...(mixed === undefined ? [] : [mixed]),
  ];
  // A semaphore is no lock that could be free.
  const isNoLock = state === "missing" || kind === "semaphore";
  const lock = isHeld
    ? [state === "breaking" ? breaking(status) : `held by ${heldBy(status)}`]
    : isNoLock
      ? []
      : [free(status)];
  return [...lock, ...others].join("; ") || "free";
}

function breaking(status: LockStatus): string {
  return `broken, and free when the lease of ${heldBy(status)} ends, in at most ${longestBreakSeconds(status)} s`;
}

function free({ state, holder }: LockStatus): string {
  if (state === "expired") return `free: the lease of ${named(holder)} ran out`;
  return state === "broken" ? `free: the lease of ${named(holder)} was broken` : "free";
}

function waiting(status: LockStatus): string {
  const waiters = waitersOf(status);
  return waiters.length === 0 ? "no waiters" : `${waiters.length} waiting: ${waiters.map(waiterName).join(", ")}`;
}

function permits({ semaphore }: LockStatus): string {
  if (!semaphore) return "no semaphore any more";
  return `${permitsOf(semaphore)} held${semaphore.held.length > 0 ? `: ${namesWithState(semaphore.held)}` : ""}`;
}

function lastSlot({ once }: LockStatus): string {
  return once ? slotLabel(once) : "its last slot was forgotten";
}

function readers({ readers: reading = [] }: LockStatus): string {
  if (reading.length === 0) return "no readers";
  return `${readersOf(reading)}: ${namesWithState(reading)}`;
}

function namesWithState(some: readonly Participant[]): string {
  return some.map(({ holder, state }) => `${named(holder)}${state === "breaking" ? " (breaking)" : ""}`).join(", ");
}
