import type { OnceRecord } from "../../blobs/once-record.ts";
import { checkSlot, type Slot } from "../../blobs/once-slot.ts";
import { shown } from "../../errors.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { TRIES } from "../../lease/retry.ts";
import { dateOf } from "../../lease/token-block.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { type Lock, lockOf } from "../../locks/lock.ts";
import type { MutexOptions } from "../../locks/lock-space.ts";
import { Listenable, originOf, SourceLock } from "../../locks/lockable.ts";
import { type Mutex, spaceFor } from "../../locks/mutex.ts";
import { checkWork, runHolding } from "../../locks/run-holding.ts";
import { checkKey } from "../../store/azure/blob-name.ts";
import { resolveLockerOptions } from "../../waiting/locker-options.ts";
import { checkWaitOptions, signalOf, type WaitOptions } from "../../waiting/wait-options.ts";
import { untilDue } from "./due-time.ts";
import { type CatchUpOptions, missedSlots } from "./missed-slots.ts";
import type { OnceEvents } from "./once-events.ts";
import { type ObservedSlot, OnceObserver } from "./once-observer.ts";
import { checkChoice, type OnceOptions, type OncePolicy, resolveOnceOptions } from "./once-options.ts";
import { OnceRecordBlob } from "./once-record-blob.ts";
import type { OnceResult, OnceWork } from "./once-result.ts";
import { checkAgainst, verdictOn } from "./once-verdict.ts";
import { SlotRun, type SlotRunContext } from "./slot-run.ts";

/**
 * Runs a job once for each slot, such as the time of a cron's fire, however many processes ask and whatever their
 * clocks say: the last slot is stored in a blob beside the lock of the key, and compared under that lock.
 *
 * A slot that is done never runs again, and slots never go back. With `afterCrash: "rerun"` work is done at least once,
 * with `"leave"` it is begun at most once. Exactly once it is only where its effect is idempotent or fenced by the
 * lock's token.
 *
 * @example
 * ```ts
 * const nightly = new Once(mutex, "nightly");
 * const result = await nightly.run("2026-11-30", (lock) => migrate(lock.signal));
 * console.log(result.outcome); // "ran" in one process, "running" or "alreadyDone" in the others
 * ```
 */
export class Once extends Listenable<OnceEvents> {
  /** The name of the job, and of its lock. */
  readonly key: string;
  readonly #blob: LockBlob;
  readonly #lockable: SourceLock<Lock>;
  readonly #observer: OnceObserver;
  readonly #records: OnceRecordBlob;
  readonly #policy: OncePolicy;
  readonly #context: SlotRunContext;

  /**
   * @param mutex - The mutex whose container has the job's lock and record, or options for one of its own.
   * @param key - The job's name. A lock of that name is refused with `KeyKindMismatchError`.
   * @throws `InvalidKeyError`; `RangeError` or `TypeError` for options that do not fit.
   */
  constructor(mutex: Mutex | MutexOptions, key: string, options: OnceOptions = {}) {
    checkKey(key);
    const { policy, lockerOptions } = resolveOnceOptions(options);
    const space = spaceFor(mutex);
    const resolved = resolveLockerOptions(lockerOptions, space, "once");
    const source = new LeaseAcquirer(space, { key }, resolved);
    const { blob } = source;
    const observer = new OnceObserver(key, blob);
    super(observer.listeners);
    this.key = key;
    this.#blob = blob;
    this.#policy = policy;
    this.#records = new OnceRecordBlob(blob);
    this.#observer = observer;
    this.#lockable = new SourceLock({ kind: "once", key, space, options: resolved, source, handle: lockOf });
    const { clock, log } = blob;
    this.#context = { records: this.#records, policy, by: resolved.description.holder.name, clock, log };
  }

  /**
   * Runs `work` under the lock of the key if the slot is later than every slot that was begun, or was begun and is to
   * be begun again. The result says which. A date that has not come by the service's clock is waited for, up to a
   * minute. Requests: 1 where the slot is over, 2 where another runs it, and at most 3 more than a lock and unlock
   * where it runs; 1 more for a date that was waited for, 2 where it has parts of a second.
   *
   * Rejects as `work` does, once the failure is recorded; with `LockLostError` if the lock was lost before the end was
   * recorded: the attempt counts as a crash; with `OnceSlotError` for a slot of another kind or a date more than a
   * minute ahead of the service's clock, and with `OnceRecordError` for a record that cannot be read, both before
   * anything is run; and as `Locker.lock` does.
   *
   * @param slot - Later ones compare higher. See {@link Slot}. Or a function that makes it of the service's time, of
   *   whole seconds.
   * @param options - `timeoutMs` counts with `whileRunning: "wait"` alone.
   */
  async run<T>(
    slot: Slot | ((now: Date) => Slot),
    work: OnceWork<T>,
    options: WaitOptions = {},
  ): Promise<OnceResult<T>> {
    if (typeof slot !== "function") checkSlot(slot);
    checkWork(work);
    checkWaitOptions(options);
    // A caller may change its date while this waits.
    const own = slot instanceof Date ? new Date(slot) : slot;
    const observed = this.#observer.observe();
    return await observed.during(() => this.#run(own, work, options, observed));
  }

  /**
   * Runs `work` for the slots that were missed while no process asked, as `slotsBetween` has them: at the start of a
   * program whose schedule slept, say. Ends where another process is at it. Resolves with what came of each. Where no
   * slot was ever begun, none was missed. Rejects as {@link Once.run} does.
   */
  async catchUp<T>(work: OnceWork<T>, options: CatchUpOptions): Promise<readonly OnceResult<T>[]> {
    const { slotsBetween, missed = "once", ...wait } = options ?? {};
    checkWork(work);
    checkWaitOptions(wait);
    checkChoice(missed, "missed", ["skip", "once", "all"]);
    if (typeof slotsBetween !== "function")
      throw new TypeError(`slotsBetween must be a function, not ${shown(slotsBetween)}`);
    const { record, time } = await this.#records.read({ signal: signalOf(wait), tries: TRIES });
    const slots = record ? missedSlots(this.key, record, new Date(dateOf(time)), { slotsBetween, missed }) : [];
    const results: OnceResult<T>[] = [];
    for (const slot of slots) {
      const result = await this.run(slot, work, wait);
      results.push(result);
      if (result.outcome === "running") break;
    }
    return results;
  }

  /**
   * The record of the last slot that was begun. Undefined if there is none. One request. Rejects with
   * `OnceRecordError` for a record that cannot be read; `StoreUnavailableError` after three tries without an answer;
   * `AccessDeniedError`.
   */
  async last({ signal }: Pick<WaitOptions, "signal"> = {}): Promise<OnceRecord | undefined> {
    checkWaitOptions({ signal });
    return (await this.#records.read({ signal, tries: TRIES })).record;
  }

  /**
   * Deletes the record, also one that cannot be read, under the lock of the key: **every slot may run again.** Rejects
   * as `Locker.run` does, with `LockTimeoutError` while a slot runs for longer than `timeoutMs`.
   */
  async forget(options: WaitOptions = {}): Promise<void> {
    await this.#lockable.run((lock) => this.#records.remove({ signal: lock.signal }), options);
  }

  async #run<T>(
    wanted: Slot | ((now: Date) => Slot),
    work: OnceWork<T>,
    options: WaitOptions,
    observed: ObservedSlot,
  ): Promise<OnceResult<T>> {
    const policy = { signal: signalOf(options), tries: TRIES };
    let seen = await this.#records.read(policy);
    const slot = typeof wanted === "function" ? wanted(new Date(dateOf(seen.time))) : wanted;
    observed.isOf(slot);
    checkAgainst(seen, slot, this.key);
    // P54: asked again, as the clock of this process may have gained while it waited.
    while (await untilDue(slot, seen.time, this.#blob, policy.signal)) seen = await this.#records.read(policy);
    const verdict = verdictOn(seen, slot, this.#policy);
    if (verdict.kind === "over") return { outcome: verdict.outcome, record: verdict.record };
    const lock = await this.#lock(options);
    if (!lock) return { outcome: "running", ...(seen.record && { record: seen.record }) };
    const run = (held: Lock) => new SlotRun(this.#context, { slot, lock: held, observed }).run(seen, work);
    return await runHolding(lock, run, originOf(this.#lockable));
  }

  async #lock({ signal, until, timeoutMs }: WaitOptions): Promise<Lock | undefined> {
    if (this.#policy.whileRunning === "wait") return await this.#lockable.lock({ signal, until, timeoutMs });
    return await this.#lockable.tryLock({ signal, until });
  }
}
