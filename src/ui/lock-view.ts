import type { LockStatus } from "../index.ts";
import { permitWaitersOf, presentHolder, type WaiterStatus } from "../status/holders.ts";
import { mixedUseOf } from "../status/mixed-use.ts";
import { slotLabel, slotTime } from "../status/slot-label.ts";
import { defined } from "./defined.ts";
import type { HoldHistory } from "./hold-history.ts";
import type { LockState, LockView, PermitView, ReaderView, WaiterView } from "./snapshot.ts";

/** A lock as the page shows it: its status, and since when it is held by the history. */
export function lockViewOf(status: LockStatus, history: HoldHistory): LockView {
  const { key, state, infinite, kind, purpose, leaseSeconds, recordedAt, highestToken, semaphore, once } = status;
  const holder = presentHolder(status);
  const lock = { kind: "lock" } as const;
  return defined({
    key,
    state: lockStateOf(status),
    lease: state,
    infinite,
    kind,
    mixedUse: mixedUseOf(status),
    holder,
    lastHolder: holder ? undefined : status.holder,
    purpose,
    leaseSeconds,
    recordedAt: recordedAt?.getTime(),
    since: history.since(key, lock),
    breaking: history.breaking(key, lock),
    highestToken,
    waiting: (status.waiting ?? []).map(waiterView),
    semaphore: semaphore && {
      permits: semaphore.permits,
      held: permitViewsOf(status, history),
      waiting: permitWaitersOf(semaphore).map(waiterView),
    },
    readers: readerViewsOf(status, history),
    lastSlot: once && { label: slotLabel(once), by: once.by, at: slotTime(once).getTime() },
  });
}

function lockStateOf({ isHeld, state, semaphore, readers = [] }: LockStatus): LockState {
  if (isHeld) return state === "breaking" ? "breaking" : "held";
  if (readers.length > 0 || (semaphore?.held.length ?? 0) > 0) return "inUse";
  if (state === "expired") return "expired";
  return state === "broken" ? "broken" : "free";
}

function waiterView({ holder, since }: WaiterStatus): WaiterView {
  return defined({ holder, since: since?.getTime() });
}

function permitViewsOf({ key, semaphore }: LockStatus, history: HoldHistory): PermitView[] {
  return (semaphore?.held ?? []).map(({ slot, holder, purpose, leaseSeconds }) => {
    const part = { kind: "permit", slot } as const;
    const [since, breaking] = [history.since(key, part), history.breaking(key, part)];
    return defined({ slot, breaking, holder, purpose, leaseSeconds, since });
  });
}

function readerViewsOf({ key, readers = [] }: LockStatus, history: HoldHistory): ReaderView[] {
  return readers.map(({ holder }) => {
    const part = { kind: "reader" } as const;
    return defined({
      holder,
      breaking: history.breaking(key, part, holder),
      since: history.since(key, part, holder),
    });
  });
}
