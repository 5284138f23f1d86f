import type { LockStatus } from "../index.ts";
import { permitWaitersOf, presentHolder, type WaiterStatus } from "../status/holders.ts";
import { mixedUseOf } from "../status/mixed-use.ts";
import { slotLabel, slotTime } from "../status/slot-label.ts";
import type { HoldHistory } from "./hold-history.ts";
import type { LockState, LockView, PermitView, ReaderView, WaiterView } from "./snapshot.ts";

/** A lock as the page shows it: its status, and since when it is held by the history. */
export function lockViewOf(status: LockStatus, history: HoldHistory): LockView {
  const {
    key,
    state,
    infinite,
    kind,
    holder: recorded,
    purpose,
    leaseSeconds,
    recordedAt,
    highestToken,
    waiting = [],
    semaphore,
    once,
  } = status;
  const mixedUse = mixedUseOf(status);
  const holder = presentHolder(status);
  const since = history.since(key, { kind: "lock" });
  const breaking = history.breaking(key, { kind: "lock" });
  return {
    key,
    state: lockStateOf(status),
    lease: state,
    infinite,
    ...(kind !== undefined && { kind }),
    ...(mixedUse !== undefined && { mixedUse }),
    ...(holder ? { holder } : recorded && { lastHolder: recorded }),
    ...(purpose !== undefined && { purpose }),
    ...(leaseSeconds !== undefined && { leaseSeconds }),
    ...(recordedAt && { recordedAt: recordedAt.getTime() }),
    ...(since && { since }),
    ...(breaking && { breaking }),
    ...(highestToken !== undefined && { highestToken }),
    waiting: waiting.map(waiterView),
    ...(semaphore && {
      semaphore: {
        permits: semaphore.permits,
        held: permitViewsOf(status, history),
        waiting: permitWaitersOf(semaphore).map(waiterView),
      },
    }),
    readers: readerViewsOf(status, history),
    ...(once && { lastSlot: { label: slotLabel(once), by: once.by, at: slotTime(once).getTime() } }),
  };
}

function lockStateOf({ isHeld, state, semaphore, readers = [] }: LockStatus): LockState {
  if (isHeld) return state === "breaking" ? "breaking" : "held";
  if (readers.length > 0 || (semaphore?.held.length ?? 0) > 0) return "inUse";
  if (state === "expired") return "expired";
  return state === "broken" ? "broken" : "free";
}

function waiterView({ holder, since }: WaiterStatus): WaiterView {
  return { ...(holder && { holder }), ...(since && { since: since.getTime() }) };
}

function permitViewsOf({ key, semaphore }: LockStatus, history: HoldHistory): PermitView[] {
  return (semaphore?.held ?? []).map(({ slot, holder, purpose, leaseSeconds }) => {
    const since = history.since(key, { kind: "permit", slot });
    const breaking = history.breaking(key, { kind: "permit", slot });
    return {
      slot,
      ...(breaking && { breaking }),
      ...(holder && { holder }),
      ...(purpose !== undefined && { purpose }),
      ...(leaseSeconds !== undefined && { leaseSeconds }),
      ...(since && { since }),
    };
  });
}

function readerViewsOf({ key, readers = [] }: LockStatus, history: HoldHistory): ReaderView[] {
  return readers.map(({ holder }) => {
    const since = history.since(key, { kind: "reader" }, holder);
    const breaking = history.breaking(key, { kind: "reader" }, holder);
    return { holder, ...(breaking && { breaking }), ...(since && { since }) };
  });
}
