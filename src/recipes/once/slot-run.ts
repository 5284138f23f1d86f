import type { OnceRecord } from "../../blobs/once-record.ts";
import { type Slot, slotText } from "../../blobs/once-slot.ts";
import { LockLostError } from "../../errors.ts";
import { neverAsRead } from "../../lease/known-blob.ts";
import { dateOf } from "../../lease/token-block.ts";
import { holdingState } from "../../locks/holding.ts";
import type { Lock } from "../../locks/lock.ts";
import { type Clock, sleep } from "../../time/clock.ts";
import type { ObservedSlot } from "./once-observer.ts";
import type { OncePolicy } from "./once-options.ts";
import { MOST_CHANGES, type OnceRecordBlob, type SeenRecord } from "./once-record-blob.ts";
import type { OnceResult, OnceWork } from "./once-result.ts";
import { checkAgainst, verdictOn } from "./once-verdict.ts";

/** What a slot is run with, whichever it is. */
export interface SlotRunContext {
  readonly records: OnceRecordBlob;
  readonly policy: OncePolicy;
  /** The name of the holder, for the record. */
  readonly by: string;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

export interface SlotRunOptions {
  readonly slot: Slot;
  readonly lock: Lock;
  readonly observed: ObservedSlot;
}

/** How often to look whether a lock that is uncertain, because the machine slept, is held again. */
const UNCERTAIN_CHECK_MS = 100;

/** One slot, under the lock of its key: its record is compared and written, and its work is run. */
export class SlotRun {
  readonly #context: SlotRunContext;
  readonly #options: SlotRunOptions;
  readonly #token: number;

  constructor(context: SlotRunContext, options: SlotRunOptions) {
    this.#context = context;
    this.#options = options;
    this.#token = options.lock.fencingToken as number;
  }

  /**
   * Begins the slot if the record allows it, and runs the work. Rejects as the work does, once that is recorded, and
   * with `LockLostError` if the lock was lost before.
   */
  async run<T>(before: SeenRecord, work: OnceWork<T>): Promise<OnceResult<T>> {
    const { lock, slot, observed } = this.#options;
    const begun = await this.#begin(before);
    if ("outcome" in begun) return begun;
    const { record } = begun;
    const { attempt } = record;
    // P52: the answer may have come when the lock was another's.
    await this.#assertHeld();
    const now = begun.time.ms;
    const latenessMs = slot instanceof Date ? Math.max(0, now - slot.getTime()) : undefined;
    observed.begins({ attempt, fencingToken: this.#token, latenessMs });
    let value: T;
    try {
      value = await work(lock, { slot, attempt });
    } catch (error) {
      await this.#recordFailure(begun);
      throw error;
    }
    const { record: done } = await this.#end(begun, "done");
    return { outcome: "ran", value, record: done };
  }

  async #begin(before: SeenRecord): Promise<OnceResult<never> | BegunSlot> {
    const { slot, lock } = this.#options;
    const { policy, records } = this.#context;
    let seen = before;
    for (let changes = 0; changes < MOST_CHANGES; changes += 1) {
      checkAgainst(seen, slot, lock.key);
      const verdict = verdictOn(seen, slot, policy);
      if (verdict.kind === "over") return { outcome: verdict.outcome, record: verdict.record };
      await this.#assertLatest(seen);
      const { by } = this.#context;
      const now = new Date(dateOf(seen.time));
      const lastDone = seen.record?.lastDone;
      const started: OnceRecord = {
        slot,
        state: "started",
        attempt: verdict.kind === "begin" ? verdict.attempt : 1,
        by,
        token: this.#token,
        startedAt: now,
        ...(lastDone !== undefined && { lastDone }),
      };
      const record: OnceRecord =
        verdict.kind === "begin"
          ? started
          : { ...verdict.record, state: "crashed", by, token: this.#token, endedAt: now };
      const written = await records.write(seen, record, { signal: this.#loss });
      seen = written.seen;
      if (written.isWritten) return verdict.kind === "begin" ? { ...seen, record } : { outcome: "gaveUp", record };
    }
    throw neverAsRead(lock.key);
  }

  /** Records what came of the work until it is certain to be recorded, or the lock is lost. */
  async #end(begun: BegunSlot, state: "done" | "failed"): Promise<BegunSlot> {
    const { records } = this.#context;
    const { lock, slot } = this.#options;
    let seen: SeenRecord = begun;
    for (let changes = 0; changes < MOST_CHANGES; changes += 1) {
      await this.#assertLatest(seen);
      const endedAt = new Date(dateOf(seen.time));
      const record = { ...begun.record, state, endedAt, ...(state === "done" && { lastDone: slot }) };
      const written = await records.write(seen, record, { signal: this.#loss });
      if (written.isWritten) return { ...written.seen, record };
      seen = written.seen;
    }
    throw neverAsRead(lock.key);
  }

  /** A failure to record it does not hide that of the work. What is not recorded counts as a crash. */
  async #recordFailure(begun: BegunSlot): Promise<void> {
    const { lock, slot } = this.#options;
    try {
      await this.#end(begun, "failed");
    } catch (error) {
      const { log } = this.#context;
      log(
        `the failure of slot ${slotText(slot)} of "${lock.key}" could not be recorded, and counts as a crash: ` +
          String(error),
      );
    }
  }

  /** Throws unless the lock is held, and no holder after it has written the record (P51). */
  async #assertLatest({ record }: SeenRecord): Promise<void> {
    const { lock } = this.#options;
    if (record && record.token > this.#token) {
      const how = `a later holder has written its record of slots, with token ${record.token} after ${this.#token}`;
      throw new LockLostError(lock.key, "taken", how);
    }
    await this.#assertHeld();
  }

  /** Throws unless the lock is held. Waits while it is uncertain. */
  async #assertHeld(): Promise<void> {
    const { lock } = this.#options;
    while (lock.isUncertain) await sleep(this.#context.clock, UNCERTAIN_CHECK_MS, { signal: this.#loss });
    lock.assertHeld();
  }

  /** Aborts when the lock is lost, and not when the work is asked to end. */
  get #loss(): AbortSignal {
    return holdingState(this.#options.lock).loss;
  }
}

interface BegunSlot extends SeenRecord {
  readonly record: OnceRecord;
}
