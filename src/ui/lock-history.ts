import { randomUUID } from "node:crypto";
import type { LockStatus } from "../index.ts";
import { RecordsSeen } from "../status/records-seen.ts";
import type { BreakNote } from "./break-notes.ts";
import { defined } from "./defined.ts";
import { HoldHistory } from "./hold-history.ts";
import { LockViews } from "./lock-views.ts";
import type { Snapshot, Vanished } from "./snapshot.ts";

/** The longest time between two looks that is no gap. A hidden page asks every 30 s. */
const GAP_MS = 45_000;
const MOST_GAPS = 200;

/** What all looks of one run of the server have shown, and what of it is new since a version. */
export class LockHistory {
  readonly #run = randomUUID();
  #version = 0;
  #lookedAt: number | undefined;
  #locks: ReadonlyMap<string, LockStatus> = new Map();
  readonly #records = new RecordsSeen();
  readonly #holds = new HoldHistory();
  readonly #views = new LockViews();
  readonly #gaps: (readonly [number, number])[] = [];
  #vanished: Vanished | undefined;

  /** Takes one look at all locks. */
  note(locks: ReadonlyMap<string, LockStatus>, at: number): void {
    this.#version += 1;
    const version = this.#version;
    const before = this.#lookedAt;
    const gap = before !== undefined && at - before > GAP_MS ? ([before, at] as const) : undefined;
    if (gap) this.#gaps.push(gap);
    this.#gaps.splice(0, this.#gaps.length - MOST_GAPS);
    const held = locks.size === 0 ? recordedHolds(this.#locks) : 0;
    if (held > 0 && before !== undefined) this.#vanished = { at, lastSeen: before, held };
    if (locks.size > 0) this.#vanished = undefined;
    const known = this.#records.note(locks, at);
    this.#holds.note(known, {
      version,
      at,
      before,
      isAfterGap: gap !== undefined,
      hasVanished: held > 0,
      isAwaiting: this.#records.isAwaiting,
    });
    this.#views.update(known, this.#holds, version);
    this.#locks = locks;
    this.#lookedAt = at;
  }

  /** Remembers a break that the page asked for: the history then says who broke it, and when it is free. */
  noteBreak(note: BreakNote): void {
    this.#holds.breaks.add(note);
  }

  /** All that is new since a version of a run. All there is, if that is another run or too long ago. */
  since(run: string, after: number): NewsOfLocks {
    const isWhole = run !== this.#run || after > this.#version || !this.#views.canTellSince(after);
    const since = isWhole ? 0 : after;
    return defined({
      run: this.#run,
      version: this.#version,
      isWhole,
      lookedAt: this.#lookedAt,
      vanished: this.#vanished,
      locks: this.#views.changedSince(since),
      gone: isWhole ? [] : this.#views.goneSince(since),
      holds: this.#holds.holdsAfter(since),
      forgottenBefore: this.#holds.forgottenBefore,
      losses: this.#holds.lossesAfter(since),
      gaps: this.#gaps,
    });
  }
}

/** The part of an answer to the page that looks have shown. */
type NewsOfLocks = Omit<
  Snapshot,
  "at" | "startedAt" | "askAgainInMs" | "account" | "container" | "isContainerMissing" | "mayBreak" | "problem"
>;

/** The number of held locks whose blobs have a record: these stay listed when they are released. */
function recordedHolds(locks: ReadonlyMap<string, LockStatus>): number {
  return [...locks.values()].filter(
    ({ isHeld, holder, semaphore }) => (isHeld && holder) || (semaphore?.held.length ?? 0) > 0,
  ).length;
}
