import { LinkedSignal, onAbort } from "../abort.ts";
import { sleep } from "../clock.ts";
import { isMutexError, type LockLostError, LockTimeoutError } from "../errors.ts";
import { begun, Holding, observed } from "../holding.ts";
import { checkKey } from "../lease/blob-name.ts";
import { HeldOnLeases } from "../lease/held-on-leases.ts";
import { OutageTimer } from "../lease/outage-timer.ts";
import { retryDelayMs } from "../lease/retry.ts";
import { LeaseAcquirer } from "../lease-acquirer.ts";
import { type Mutex, type MutexOptions, spaceFor } from "../lock-space.ts";
import { Lock } from "../locker.ts";
import { shown } from "../options.ts";
import type { LeaseObserver } from "../telemetry/lease-observer.ts";
import { type ObservedWait, Observer } from "../telemetry/observer.ts";
import { endQuietly, type Held } from "../waiting/held.ts";
import type { Hold } from "../waiting/hold.ts";
import { type LockerOptions, resolveLockerOptions } from "../waiting/locker-options.ts";
import { checkWaitOptions, WaitLimit, type WaitOptions } from "../waiting/wait-limit.ts";

/** How each of the locks is held, and how long to wait for all of them together. */
export interface LockAllOptions extends LockerOptions, WaitOptions {}

/** Several locks that are held together. It is lost when one of them is. */
export class LockSet extends Holding {
  /** The locks by their keys, in the order in which they were taken. */
  readonly locks: ReadonlyMap<string, Lock>;

  /** @internal */
  constructor(locks: ReadonlyMap<string, Lock>, held: Held) {
    super([...locks.keys()].join(", "), held);
    this.locks = locks;
  }
}

/**
 * Locks several keys, all of them or none. They are taken one by one in the order of their names, so that a task which locks the same
 * keys in whatever order never waits in a circle; a key that is named twice is locked once. If it cannot have all, what it has is
 * given back.
 *
 * Rejects as `Locker.lock` does; a `LockTimeoutError` names the key that was not free.
 *
 * **A task that holds one lock and then calls this for others is out of that order, and can wait in a circle:** name all keys in one call.
 *
 * @throws `TypeError` without any key; `InvalidKeyError`; `RangeError` or `TypeError` for options that do not fit.
 *
 * @example
 * ```ts
 * const set = await lockAll(mutex, ["account-1", "account-2"], { timeoutMs: 10_000 });
 * try {
 *   await migrate(set.signal);
 * } finally {
 *   await set.release();
 * }
 * ```
 */
export async function lockAll(mutex: Mutex | MutexOptions, keys: Iterable<string>, options: LockAllOptions = {}): Promise<LockSet> {
  const { timeoutMs = Number.POSITIVE_INFINITY, signal: ended, until, ...lockerOptions } = options;
  checkWaitOptions({ timeoutMs, signal: ended, until });
  const signal = ended ?? until;
  const sorted = sortedKeys(keys);
  const space = spaceFor(mutex);
  const resolved = resolveLockerOptions(lockerOptions, space);
  const acquirers = sorted.map((key) => new LeaseAcquirer(space, { key }, resolved));
  // With a time-out of 0 each is asked for once, and nothing is waited for that a timer could end.
  const limit = new WaitLimit(space, sorted.join(", "), { signal, ...(timeoutMs > 0 && { timeoutMs }) });
  const outage = new OutageTimer(space.clock, resolved.unreachableAfterMs);
  const wait = new Observer({ telemetry: space.telemetry, kind: "lock_all", key: sorted }).beginWait();
  try {
    const asking = { timeoutMs, limit, outage, wait };
    const joint = await observed(wait, signal, async () => {
      for (let losses = 1; ; losses += 1) {
        const taken = await takeInTurn(acquirers, asking);
        if (taken) return taken;
        // A lock that was taken was lost while the others were waited for, so all are taken again.
        await sleep(space.clock, retryDelayMs(losses, space.random), { signal: limit.signal });
      }
    });
    return begun(new LockSet(new Map(joint.holds.map((hold) => [hold.key, new Lock(hold.key, hold)])), joint), wait, until);
  } finally {
    limit.end();
  }
}

interface SetWait {
  readonly timeoutMs: number;
  readonly limit: WaitLimit;
  readonly outage: OutageTimer;
  readonly wait: ObservedWait | undefined;
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

/**
 * Takes one after the other. Undefined if one of them was lost before all were held. Throws `NotHeldError` if one was released from
 * outside before, as at the end of the process.
 */
async function takeInTurn(
  acquirers: readonly LeaseAcquirer[],
  { timeoutMs, limit, outage, wait }: SetWait,
): Promise<JointHold | undefined> {
  const holds: Hold[] = [];
  const until = new LinkedSignal(limit.signal);
  let wanted = acquirers[0] as LeaseAcquirer;
  try {
    for (const acquirer of acquirers) {
      wanted = acquirer;
      // Not within the limit itself: it is as a newcomer that it asks for the next.
      const leftMs = timeoutMs === 0 ? 0 : Math.max(0, limit.leftMs) + 1;
      const hold = await acquirer.acquire({ timeoutMs: leftMs, signal: until.signal }, wait, outage);
      holds.push(hold);
      until.follow(hold.signal);
    }
    do for (const hold of holds) await hold.freshen(until.signal);
    while (holds.some(({ isUncertain }) => isUncertain));
    // The set is made in the turn in which all are held: from then on the loss of one ends the others.
    if (holds.every(({ isHeld }) => isHeld)) return new JointHold(holds);
    giveBack(holds, wanted.blob.log);
    return undefined;
  } catch (error) {
    const isLost = holds.some(({ lostBecause }) => lostBecause);
    const released = holds.find(({ ended }) => ended);
    giveBack(holds, wanted.blob.log);
    if (isTimeout(error)) throw new LockTimeoutError(wanted.blob.key, timeoutMs, error.cause === undefined ? {} : { cause: error.cause });
    if (limit.signal.aborted) throw error;
    released?.throwIfEnded();
    if (isLost) return undefined;
    throw error;
  } finally {
    until.end();
  }
}

function isTimeout(error: unknown): error is LockTimeoutError {
  return isMutexError(error) && error.code === "LOCK_TIMEOUT";
}

/** In the background: no task waits for that. */
function giveBack(holds: readonly Hold[], log: (message: string) => void): void {
  for (const hold of holds) void endQuietly(hold, log, `the lock on "${hold.key}"`);
}

/** Several holds as one. */
class JointHold extends HeldOnLeases implements Held {
  readonly holds: readonly Hold[];
  readonly #loss: LinkedSignal;
  #lost: Promise<LockLostError | undefined> | undefined;

  constructor(holds: readonly Hold[]) {
    super(holds);
    this.holds = holds;
    this.#loss = new LinkedSignal(...holds.map(({ signal }) => signal));
    // The work under all of them has to stop; if the others are not given back, they lapse too.
    onAbort(this.#loss.signal, () => {
      for (const hold of holds) hold.letLapse();
    });
  }

  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  get ended(): boolean {
    return this.holds.some(({ ended }) => ended);
  }

  observedBy(observer: LeaseObserver): void {
    for (const hold of this.holds) hold.observedBy(observer);
  }

  end(): Promise<LockLostError | undefined> {
    this.#lost ??= this.#endAll();
    return this.#lost;
  }

  async #endAll(): Promise<LockLostError | undefined> {
    this.#loss.end();
    const ends = await Promise.allSettled(this.holds.map((hold) => hold.end()));
    let lost: LockLostError | undefined;
    for (const end of ends) {
      if (end.status === "rejected") throw end.reason;
      lost ??= end.value;
    }
    return lost;
  }
}
