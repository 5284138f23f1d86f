import { isMutexError, LockTimeoutError, shown } from "../errors.ts";
import { OutageTimer } from "../lease/outage-timer.ts";
import { retryDelayMs } from "../lease/retry.ts";
import { Holding, keepReachable } from "../locks/holding.ts";
import { LeaseAcquirer } from "../locks/lease-acquirer.ts";
import { type Lock, lockOf } from "../locks/lock.ts";
import type { LockSpace, MutexOptions } from "../locks/lock-space.ts";
import { type Lockable, type Source, SourceLock } from "../locks/lockable.ts";
import { type Mutex, spaceFor } from "../locks/mutex.ts";
import { checkKey } from "../store/azure/blob-name.ts";
import type { ObservedWait } from "../telemetry/observer.ts";
import { LinkedSignal } from "../time/abort.ts";
import { sleep } from "../time/clock.ts";
import { endQuietly } from "../waiting/held.ts";
import type { Hold } from "../waiting/hold.ts";
import { type LockerOptions, type ResolvedLockerOptions, resolveLockerOptions } from "../waiting/locker-options.ts";
import { WaitLimit } from "../waiting/wait-limit.ts";
import { signalOf, type WaitOptions } from "../waiting/wait-options.ts";
import { JointHold } from "./joint-hold.ts";

/** Several locks that are held together. It is lost when one of them is. */
export class LockSet extends Holding {
  /** The locks by their keys, in the order in which they were taken. */
  readonly locks: ReadonlyMap<string, Lock>;

  /** @internal */
  constructor(joint: JointHold) {
    super(joint.holds.map(({ key }) => key).join(", "), joint);
    this.locks = new Map(joint.holds.map((hold) => [hold.key, lockOf(hold)]));
    for (const lock of this.locks.values()) keepReachable(lock, this);
  }
}

/**
 * Several locks as one: all of them are held, or none. They are taken one by one in the order of their names, so that a
 * task which locks the same keys in whatever order never waits in a circle; a key that is named twice is locked once.
 * If a call cannot have all, what it has is given back. Its events are those of the whole set, under the keys of all;
 * `renewed` and `renewFailed` come from each.
 *
 * Its calls reject as those of a `Locker` do; a `LockTimeoutError` names the key that was not free.
 *
 * **A task that holds one lock and then calls this for others is out of that order, and can wait in a circle:** name
 * all keys in one call.
 *
 * @throws `TypeError` without any key; `InvalidKeyError`; `RangeError` or `TypeError` for options that do not fit.
 *
 * @example
 * ```ts
 * const accounts = lockAll(mutex, ["account-1", "account-2"], { leaseSeconds: 30 });
 * await accounts.run((set) => migrate(set.signal), { timeoutMs: 10_000 });
 * ```
 */
export function lockAll(
  mutex: Mutex | MutexOptions,
  keys: Iterable<string>,
  options: LockerOptions = {},
): Lockable<LockSet> {
  refuseWaitOptions(options);
  const sorted = sortedKeys(keys);
  const space = spaceFor(mutex);
  const resolved = resolveLockerOptions(options, space);
  const source = new AllAtOnce(space, sorted, resolved);
  const handle = (joint: JointHold): LockSet => new LockSet(joint);
  const partOf = ({ locks }: LockSet, one: string): Lock | undefined => locks.get(one);
  return new SourceLock({ kind: "lock_all", key: sorted, space, options: resolved, source, handle, partOf });
}

/** An option that once was lockAll's own would be ignored, and the wait be endless. */
function refuseWaitOptions(options: LockerOptions): void {
  for (const name of ["timeoutMs", "signal", "until"]) {
    if (Object.hasOwn(Object(options), name))
      throw new TypeError(`${name} is an option of lock(), tryLock() and run() of what lockAll returns`);
  }
}

/** In an order that is the same everywhere: by UTF-16 code units. */
function sortedKeys(keys: Iterable<string>): readonly string[] {
  if (typeof keys === "string" || typeof keys?.[Symbol.iterator] !== "function") {
    throw new TypeError(`keys must be several keys, in an array say, not ${shown(keys)}`);
  }
  const distinct = new Set(keys);
  if (distinct.size === 0) throw new TypeError("keys must be at least one key, not none");
  for (const key of distinct) checkKey(key);
  return [...distinct].sort();
}

/** The way to hold several locks at once. */
class AllAtOnce implements Source<JointHold> {
  readonly #space: LockSpace;
  readonly #acquirers: readonly LeaseAcquirer[];
  readonly #unreachableAfterMs: number;

  constructor(space: LockSpace, keys: readonly string[], options: ResolvedLockerOptions) {
    this.#space = space;
    this.#acquirers = keys.map((key) => new LeaseAcquirer(space, { key }, options));
    this.#unreachableAfterMs = options.unreachableAfterMs;
  }

  async acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<JointHold> {
    const { timeoutMs = Number.POSITIVE_INFINITY } = options;
    const { clock, random } = this.#space;
    const keys = this.#acquirers.map(({ blob }) => blob.key).join(", ");
    // With a timeout of 0 each is asked for once, and nothing is waited for that a timer could end.
    const limit = new WaitLimit(this.#space, keys, { signal: signalOf(options), ...(timeoutMs > 0 && { timeoutMs }) });
    const outage = new OutageTimer(clock, this.#unreachableAfterMs);
    try {
      for (let losses = 1; ; losses += 1) {
        const taken = await this.#takeInTurn(timeoutMs, limit, outage, wait);
        if (taken) return taken;
        // A lock that was taken was lost while the others were waited for, so all are taken again.
        await sleep(clock, retryDelayMs(losses, random), { signal: limit.signal });
      }
    } finally {
      limit.end();
    }
  }

  /** Asks for each once. Undefined if one of them is not free. */
  async tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<JointHold | undefined> {
    try {
      return await this.acquire({ timeoutMs: 0, signal }, wait);
    } catch (error) {
      if (isTimeout(error)) return undefined;
      throw error;
    }
  }

  /**
   * Takes one after the other. Undefined if one of them was lost before all were held. Throws `NotHeldError` if one was
   * released from outside before, as at the end of the process.
   */
  async #takeInTurn(
    timeoutMs: number,
    limit: WaitLimit,
    outage: OutageTimer,
    wait: ObservedWait | undefined,
  ): Promise<JointHold | undefined> {
    const holds: Hold[] = [];
    const until = new LinkedSignal(limit.signal);
    let wanted = "";
    let joint: JointHold | undefined;
    try {
      for (const acquirer of this.#acquirers) {
        wanted = acquirer.blob.key;
        // Not within the limit itself: it is as a newcomer that it asks for the next.
        const leftMs = timeoutMs === 0 ? 0 : Math.max(0, limit.leftMs) + 1;
        const hold = await acquirer.acquire({ timeoutMs: leftMs, signal: until.signal }, wait, outage);
        holds.push(hold);
        until.follow(hold.signal);
      }
      do for (const hold of holds) await hold.freshen(until.signal);
      while (holds.some(({ isUncertain }) => isUncertain));
      // The set is made in the turn in which all are held: from then on the loss of one ends the others.
      if (holds.every(({ isHeld }) => isHeld)) joint = new JointHold(holds);
      return joint;
    } catch (error) {
      if (isTimeout(error))
        throw new LockTimeoutError(wanted, timeoutMs, error.cause === undefined ? {} : { cause: error.cause });
      if (limit.signal.aborted) throw error;
      const isLost = holds.some(({ lostBecause }) => lostBecause);
      for (const hold of holds) hold.throwIfEnded();
      if (isLost) return undefined;
      throw error;
    } finally {
      until.end();
      // In the background: no task waits for that.
      if (!joint) for (const hold of holds) void endQuietly(hold, this.#space.log, `the lock on "${hold.key}"`);
    }
  }
}

function isTimeout(error: unknown): error is LockTimeoutError {
  return isMutexError(error) && error.code === "LOCK_TIMEOUT";
}
