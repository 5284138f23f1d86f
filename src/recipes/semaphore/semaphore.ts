import { isNumberOfPermits, MOST_PERMITS } from "../../blobs/permit-slot.ts";
import { shown } from "../../errors.ts";
import { Holding } from "../../locks/holding.ts";
import type { MutexOptions } from "../../locks/lock-space.ts";
import { SourceLock } from "../../locks/lockable.ts";
import { type Mutex, spaceFor } from "../../locks/mutex.ts";
import { checkKey } from "../../store/azure/blob-name.ts";
import type { Hold } from "../../waiting/hold.ts";
import { type LockerOptions, resolveLockerOptions } from "../../waiting/locker-options.ts";
import { checkWaitOptions, type TryOptions, type WaitOptions } from "../../waiting/wait-options.ts";
import { Permits } from "./permits.ts";
import { type HeldSlot, SEMAPHORE_KIND, type Slots } from "./slots.ts";

/** A semaphore's permits, and how each is held and waited for: like a lock. */
export interface SemaphoreOptions extends Omit<LockerOptions, "handOverCount"> {
  /** How many may be held at once, from 1 to 1,000. All users of the semaphore state the same number. */
  permits: number;
  /**
   * For how long, in milliseconds, the tasks of this process take over each other's permits at once before other
   * processes get their chance. Default: 3,000. Not with `fair`, where all processes wait in one queue.
   */
  handOverMs?: number | undefined;
}

/** A permit that is held, until it is given back or lost. */
export class Permit extends Holding {
  /** Which of the permits it is, from 0. */
  readonly slot: number;
  /** Higher than that of every earlier holder of this slot. Undefined with `fencing: false`. */
  readonly fencingToken: number | undefined;

  /** @internal */
  constructor(key: string, slot: number, hold: Hold, onEnd: () => void) {
    super(key, hold, { after: onEnd });
    this.slot = slot;
    this.fencingToken = hold.token;
  }
}

/**
 * At most so many at once, across all processes: each permit is the lease of a small blob, kept and lost like a lock. A
 * crashed holder's permit is free again when its lease has run out.
 *
 * Its calls reject as those of a `Locker` do, and with `DifferingPermitsError` if other users state another number of
 * permits. With `fair`, `tryLock` also resolves with undefined if others are in line for a permit.
 *
 * @example
 * ```ts
 * const exports = new Semaphore(mutex, "exports", { permits: 3 });
 * await exports.run((permit) => migrate(permit.signal)); // at most three at once
 * ```
 */
export class Semaphore extends SourceLock<Permit> {
  /** The name of the semaphore. */
  readonly key: string;
  /** How many permits there are. */
  readonly permits: number;
  readonly #slots: Slots;

  /**
   * @param mutex - The mutex whose container has the semaphore, or options for one of its own.
   * @param key - The semaphore's name. A lock of that name is refused with `KeyKindMismatchError`.
   * @throws `InvalidKeyError`; `RangeError` or `TypeError` for options that do not fit.
   */
  constructor(mutex: Mutex | MutexOptions, key: string, options: SemaphoreOptions) {
    checkKey(key);
    const { permits, ...lockerOptions } = options ?? {};
    if (!isNumberOfPermits(permits)) {
      throw new RangeError(`permits must be a whole number from 1 to ${MOST_PERMITS}, not ${shown(permits)}`);
    }
    const space = spaceFor(mutex);
    const resolved = resolveLockerOptions(lockerOptions, space, SEMAPHORE_KIND);
    const source = new Permits(space, key, permits, resolved);
    const handle = ({ slot, hold }: HeldSlot): Permit => new Permit(key, slot, hold, () => source.returned(slot));
    super({ kind: "semaphore", key, space, options: resolved, source, handle, permits });
    this.key = key;
    this.permits = permits;
    this.#slots = source.slots;
  }

  /** `lock`, by the field's word. */
  async acquire(options: WaitOptions = {}): Promise<Permit> {
    return await this.lock(options);
  }

  /** `tryLock`, by the field's word. */
  async tryAcquire(options: TryOptions = {}): Promise<Permit | undefined> {
    return await this.tryLock(options);
  }

  /**
   * How many permits are free at this moment. One request. Another process may have taken them by the time of the
   * answer.
   *
   * @throws `DifferingPermitsError`; `StoreUnavailableError` after three tries without an answer; `AccessDeniedError`;
   * `StoreRefusedError`.
   */
  async available({ signal }: Pick<WaitOptions, "signal"> = {}): Promise<number> {
    checkWaitOptions({ signal });
    return await this.#slots.countFree(signal);
  }
}
