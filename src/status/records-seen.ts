import type { LockStatus, PermitStatus } from "./lock-status.ts";

/** All locks of one look, by key. */
export type LocksSeen = ReadonlyMap<string, LockStatus>;

/** A part of a key that has a holder's record: the lock or a permit. */
type RecordedPart = LockStatus | PermitStatus;
/** Whether a part that a look showed is held by a holder that may yet write its record. */
export type IsAwaiting = (part: RecordedPart) => boolean;

/**
 * After this long a holder has written its record: it does so with its next two requests. If the record is the old one
 * still, its holder has the lock again, which takes no new one, or this holder leaves none.
 */
const WRITTEN_WITHIN_MS = 5_000;
/** Dates of the service are whole seconds. */
export const SERVICE_DATE_STEP_MS = 1_000;

interface PartSeen {
  readonly state: LockStatus["state"];
  readonly record: string;
  /** Since when it is held beside a record that an earlier holder left. */
  readonly awaitingSince?: number;
}

const NOT_HELD: PartSeen = { state: "missing", record: recordOf({}) };

/**
 * Tells over several looks whose records there are. A holder writes its record after it has the lease. A look in
 * between shows the lock as held, with the record of the holder before.
 */
export class RecordsSeen {
  /** What the last look showed, by key: of the lock itself by `undefined`, of permits by slot. */
  #seen: ReadonlyMap<string, ReadonlyMap<number | undefined, PartSeen>> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  readonly #awaiting = new WeakSet<RecordedPart>();
  /** Answers for the parts of all looks that {@link note} has returned. */
  readonly isAwaiting: IsAwaiting = (part) => this.#awaiting.has(part);

  /** Takes one look at all locks, made at `now`, and returns it without the records that earlier holders left. */
  note(locks: LocksSeen, now: number): LocksSeen {
    const seen = new Map<string, ReadonlyMap<number | undefined, PartSeen>>();
    const known = new Map<string, LockStatus>();
    for (const [key, status] of locks) {
      const before = this.#seen?.get(key);
      // A listing shows no record of a permit that is free: the last that was seen stands for it.
      const parts = new Map([...(before ?? [])].map(([slot, { record }]) => [slot, { ...NOT_HELD, record }]));
      const look = <T extends RecordedPart>(part: T, slot?: number): T => {
        const found = this.#look(part, before?.get(slot), now);
        parts.set(slot, found);
        return found.awaitingSince === undefined ? part : this.#withoutRecord(part);
      };
      const { semaphore } = status;
      const held = semaphore?.held.map((permit) => look(permit, permit.slot));
      known.set(key, look(semaphore && held ? { ...status, semaphore: { ...semaphore, held } } : status));
      seen.set(key, parts);
    }
    this.#seen = seen;
    this.#lookedAt = now;
    return known;
  }

  #look(part: RecordedPart, before: PartSeen | undefined, now: number): PartSeen {
    const { state } = part;
    const record = recordOf(part);
    const last = before ?? NOT_HELD;
    const isLeft =
      record === last.record || (!before && Number(part.recordedAt) < this.#lookedAt - SERVICE_DATE_STEP_MS);
    if (!this.#seen || !isHeld(state) || !isLeft) return { state, record };
    // A broken lease cannot be renewed: a part that is leased again was taken anew.
    const isTaken = !isHeld(last.state) || (last.state === "breaking" && state === "leased");
    const awaitingSince = isTaken ? now : last.awaitingSince;
    if (awaitingSince === undefined || now - awaitingSince >= WRITTEN_WITHIN_MS) return { state, record };
    return { state, record, awaitingSince };
  }

  #withoutRecord<T extends RecordedPart>({ holder, purpose, leaseSeconds, recordedAt, ...others }: T): T {
    const part = others as T;
    this.#awaiting.add(part);
    return part;
  }
}

function isHeld(state: PartSeen["state"]): boolean {
  return state === "leased" || state === "breaking";
}

function recordOf({ holder, recordedAt, highestToken }: Partial<RecordedPart>): string {
  return JSON.stringify([holder, recordedAt, highestToken]);
}
