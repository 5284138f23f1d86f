import { helpersOf } from "../blobs/helper-folder.ts";
import { kindIn, withKind } from "../blobs/key-kind.ts";
import { fitting } from "../blobs/lock-record.ts";
import {
  gateName,
  isNumberOfPermits,
  MOST_PERMITS,
  SLOTS,
  slotIn,
  slotMetadata,
  slotName,
} from "../blobs/permit-slot.ts";
import { DifferingPermitsError, type KeyKind, shown } from "../errors.ts";
import { claimKey } from "../lease/claim-key.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { OutageTimer } from "../lease/outage-timer.ts";
import { retry, TRIES } from "../lease/retry.ts";
import { Holding } from "../locks/holding.ts";
import { LeaseAcquirer } from "../locks/lease-acquirer.ts";
import { type LockSpace, type Mutex, type MutexOptions, spaceFor } from "../locks/lock-space.ts";
import { type Lockable, type Source, SourceLock } from "../locks/lockable.ts";
import { checkKey } from "../store/azure/blob-name.ts";
import { isLeased, type Metadata, type StoredBlob } from "../store/lease-store.ts";
import type { LockEvents } from "../telemetry/lock-events.ts";
import type { ObservedWait } from "../telemetry/observer.ts";
import { unlessAborted } from "../time/abort.ts";
import { settledWithin, sleep } from "../time/clock.ts";
import { pollDelayMs, stayAwayMs } from "../waiting/backoff.ts";
import { endQuietly } from "../waiting/held.ts";
import { confirmHeld, type Hold } from "../waiting/hold.ts";
import { type LockerOptions, type ResolvedLockerOptions, resolveLockerOptions } from "../waiting/locker-options.ts";
import { poll } from "../waiting/polling.ts";
import { checkWaitOptions, type TryOptions, WaitLimit, type WaitOptions, waitFor } from "../waiting/wait-limit.ts";
import { ReturnedSlots } from "./returned-slots.ts";

const SEMAPHORE_KIND: KeyKind = "semaphore";
/** To find a permit and to take it. */
const PERMIT_REQUESTS = 4;
/** How long to wait for the first slot to be made. */
const FIRST_SLOT_MS = 50;
/** So many slots seen free and found taken, and the listing is old. */
const TRIES_PER_LOOK = 3;
/** So many looks that showed what was not there, and there is nothing to be had. */
const MOST_SLOT_LOOKS = 5;

/** A semaphore's permits, and how each is held and waited for: like a lock. */
export interface SemaphoreOptions extends Omit<LockerOptions, "handOverCount"> {
  /** How many may be held at once, from 1 to 1,000. All users of the semaphore state the same number. */
  permits: number;
  /**
   * For how long, in milliseconds, the tasks of this process take over each other's permits at once before other
   * processes get their chance. Default: 3,000. Not with `fair`, where everybody waits in one queue.
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
 * @example
 * ```ts
 * const exports = new Semaphore(mutex, "exports", { permits: 3 });
 * await exports.run((permit) => migrate(permit.signal)); // at most three at once
 * ```
 */
export class Semaphore implements Lockable<Permit> {
  /** The name of the semaphore. */
  readonly key: string;
  /** How many permits there are. */
  readonly permits: number;
  readonly #space: LockSpace;
  readonly #options: ResolvedLockerOptions;
  /** Of all helper blobs of the key. */
  readonly #keyFolder: string;
  /** The blob of the key itself. */
  readonly #keyBlob: LockBlob;
  readonly #metadata: Metadata;
  /** Where this process's tasks queue; with `fair`, all processes. */
  readonly #gate: LeaseAcquirer;
  readonly #lockable: SourceLock<Permit, Permit>;

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
    this.key = key;
    this.permits = permits;
    this.#space = spaceFor(mutex);
    const resolved = resolveLockerOptions(lockerOptions, this.#space, SEMAPHORE_KIND);
    this.#metadata = slotMetadata(key, permits);
    this.#options = { ...resolved, description: fitting(resolved.description, this.#metadata) };
    this.#keyFolder = helpersOf(key);
    this.#keyBlob = this.#space.blob({ key }, this.#options.terms);
    this.#gate = new LeaseAcquirer(
      this.#space,
      { key, name: gateName(this.#keyFolder) },
      { ...this.#options, fencing: false },
    );
    const source: Source<Permit> = {
      acquire: (options, wait) => this.#acquire(options, wait),
      tryAcquire: (signal, wait) => this.#tryOnce(signal, wait),
    };
    const { terms } = this.#options;
    this.#lockable = new SourceLock({
      kind: "semaphore",
      key,
      source,
      handle: (permit) => permit,
      blob: this.#blob,
      terms,
    });
  }

  /**
   * Waits until a permit is held. Rejects as `Locker.lock` does, and with `DifferingPermitsError` if other users state
   * another number.
   */
  async lock(options: WaitOptions = {}): Promise<Permit> {
    return await this.#lockable.lock(options);
  }

  /**
   * Takes a permit if one is free, and never waits for anybody. Resolves with undefined if there is none; with `fair`,
   * also if others are in line for one. Rejects as {@link Semaphore.lock} does.
   */
  async tryLock(options: TryOptions = {}): Promise<Permit | undefined> {
    return await this.#lockable.tryLock(options);
  }

  /** {@link Semaphore.lock}, by the field's word. */
  async acquire(options: WaitOptions = {}): Promise<Permit> {
    return await this.lock(options);
  }

  /** {@link Semaphore.tryLock}, by the field's word. */
  async tryAcquire(options: TryOptions = {}): Promise<Permit | undefined> {
    return await this.tryLock(options);
  }

  /**
   * Runs `work` with a permit and gives it back afterwards. Resolves or rejects as `work` does, but with a
   * `LockLostError` if the permit was lost before `work` ended, as `Locker.run` does.
   */
  async run<T>(work: (permit: Permit) => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    return await this.#lockable.run(work, options);
  }

  /** As {@link Locker.on}, for permits. */
  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#lockable.on(event, listener);
    return this;
  }

  /** Does not call back any more. */
  off<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#lockable.off(event, listener);
    return this;
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
    const slots = await this.#look(signal);
    return this.permits - [...slots.values()].filter(({ leaseState }) => isLeased(leaseState)).length;
  }

  #acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<Permit> {
    const wanted = {
      wait: (limit: WaitLimit) => (this.#options.fair ? this.#waitAtGate(limit) : this.#waitHere(limit)),
      tryOnce: (signal: AbortSignal | undefined) => this.#tryOnce(signal, wait),
    };
    return waitFor(this.#blob, this.key, options, wanted, wait);
  }

  async #waitHere(limit: WaitLimit): Promise<Permit> {
    const head = await this.#gate.keyState.queue.enterEmptyHanded(limit.signal);
    const outage = new OutageTimer(this.#blob.clock, this.#options.unreachableAfterMs, head.note.outage);
    let permit: Permit | undefined;
    try {
      permit = await this.#poll(limit, outage);
      return permit;
    } finally {
      head.leave(permit ? {} : { outage });
    }
  }

  /** The holder of the gate is first in the queue among all processes. */
  async #waitAtGate(limit: WaitLimit): Promise<Permit> {
    const gate = await this.#gate.acquireWithin(limit);
    try {
      return await this.#poll(limit, new OutageTimer(this.#blob.clock, this.#options.unreachableAfterMs));
    } finally {
      this.#leave(gate);
    }
  }

  #poll(limit: WaitLimit, outage: OutageTimer): Promise<Permit> {
    const blob = this.#blob;
    const { signal } = limit;
    const returned = this.#returned;
    const rest = (ms: number): Promise<void> => returned.rest(blob.clock, ms, signal);
    return poll({ blob, limit, outage, longer: PERMIT_REQUESTS, rest }, async () => {
      const slot = returned.take();
      // The last time that it asks, it asks for what it leaves to others, too.
      const leaves = limit.isLastPoll ? undefined : (one: number) => returned.isLeft(one, blob.clock.now());
      const permit =
        (slot !== undefined && (await this.#trySlot(slot, signal, 1))) || (await this.#tryAny(signal, 1, leaves));
      return (
        permit ??
        Math.min(pollDelayMs(limit.waitedMs, blob.random, this.#options.poll), returned.leftForMs(blob.clock.now()))
      );
    });
  }

  async #tryOnce(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<Permit | undefined> {
    const limit = new WaitLimit(this.#blob, this.key, { signal });
    try {
      limit.signal.throwIfAborted();
      wait?.polled();
      return await this.#tryUntil(limit.signal);
    } finally {
      limit.end();
    }
  }

  async #tryUntil(signal: AbortSignal): Promise<Permit | undefined> {
    if (!this.#options.fair) return await this.#tryAny(signal, TRIES);
    // A task that tries again at once must not find its own gate shut.
    await settledWithin(this.#blob.clock, this.#blob.requestTimeoutMs, unlessAborted(this.#returned.gateLeft, signal));
    const gate = await this.#gate.tryAcquire(signal);
    if (!gate) return undefined;
    try {
      return await this.#tryAny(signal, TRIES);
    } finally {
      this.#leave(gate);
    }
  }

  /** Takes any permit that is free. Undefined if a look shows none. */
  async #tryAny(
    signal: AbortSignal | undefined,
    tries: number,
    leaves: (slot: number) => boolean = () => false,
  ): Promise<Permit | undefined> {
    for (let looks = 1; ; looks += 1) {
      const slots = await this.#look(signal, tries);
      await this.#claim(slots, signal, tries);
      // Slot 0 states the number for all: before it is there, no other is made.
      const isFirst = !slots.has(0);
      const free = isFirst ? [0] : this.#freeOf(slots).filter((slot) => !leaves(slot));
      if (free.length === 0) return undefined;
      for (const slot of free.slice(0, TRIES_PER_LOOK)) {
        const permit = await this.#trySlot(slot, signal, tries, isFirst);
        if (permit) return permit;
      }
      // What looks free again and again and is not is held, whatever a listing says.
      if (looks >= MOST_SLOT_LOOKS && !(isFirst && this.#space.isBusy(this.#nameOf(0)))) return undefined;
      // Another task of this process is just making the first slot.
      if (isFirst) await sleep(this.#blob.clock, FIRST_SLOT_MS, { signal });
    }
  }

  /**
   * Has the key's blob say that it is a semaphore, before any slot is made, so that a lock of that name is refused.
   * Slots made since say so too, and spare other processes the request. Throws `KeyKindMismatchError`.
   */
  async #claim(slots: ReadonlyMap<number, StoredBlob>, signal: AbortSignal | undefined, tries: number): Promise<void> {
    const returned = this.#returned;
    if (returned.claim !== undefined) return;
    const isClaimed = [...slots.values()].some(({ metadata }) => kindIn(metadata) === SEMAPHORE_KIND);
    const blob = this.#space.blob({ key: this.key });
    const claim = () => claimKey(blob, SEMAPHORE_KIND, { signal, mayRead: this.#options.fencing });
    returned.claim = isClaimed || (await retry(blob, claim, { signal, tries }));
  }

  async #trySlot(
    slot: number,
    signal: AbortSignal | undefined,
    tries: number,
    isFirst = false,
  ): Promise<Permit | undefined> {
    const kind = this.#returned.claim ? SEMAPHORE_KIND : undefined;
    const description = { ...this.#options.description, kind };
    const options = { ...this.#options, description, fair: false, handOverMs: 0 };
    const of = { key: this.key, name: this.#nameOf(slot), metadata: withKind(this.#metadata, kind) };
    const hold = await new LeaseAcquirer(this.#space, of, options).tryAcquire(signal, undefined, tries);
    if (!hold || (isFirst && !(await this.#isGood(hold, signal)))) return undefined;
    return new Permit(this.key, slot, hold, () => this.#onEnd(slot));
  }

  /**
   * Throws if another user has written another number: two may have made the first slot at once, and only one of them
   * has written its number into it. False if the permit was lost meanwhile. Gives it back in both cases.
   */
  async #isGood(hold: Hold, signal: AbortSignal | undefined): Promise<boolean> {
    let isGood = false;
    try {
      await this.#look(signal);
      isGood = await confirmHeld(hold, signal);
    } finally {
      if (!isGood) void endQuietly(hold, this.#blob.log, `a permit of "${this.key}"`);
    }
    return isGood;
  }

  /**
   * The slots that are not leased, those that were never used included, from a random one on, so that not all try the
   * same.
   */
  #freeOf(slots: ReadonlyMap<number, StoredBlob>): readonly number[] {
    const start = Math.floor(this.#blob.random() * this.permits);
    return Array.from({ length: this.permits }, (_, index) => (start + index) % this.permits).filter((slot) => {
      const found = slots.get(slot);
      // One that another task of this process takes or gives back at this moment is not free.
      return (!found || !isLeased(found.leaseState)) && !this.#space.isBusy(this.#nameOf(slot));
    });
  }

  /** The slots there are. Throws `DifferingPermitsError` if they belong to another number of permits. */
  async #look(signal: AbortSignal | undefined, tries: number = TRIES): Promise<ReadonlyMap<number, StoredBlob>> {
    const slots = new Map<number, StoredBlob>();
    const list = () => this.#keyBlob.list(SLOTS, { signal });
    for (const found of await retry(this.#keyBlob, list, { signal, tries })) {
      const said = slotIn(found);
      if (said?.permits === undefined) continue;
      if (said.permits !== this.permits) throw new DifferingPermitsError(this.key, this.permits, said.permits);
      slots.set(said.slot, found);
    }
    return slots;
  }

  #nameOf(slot: number): string {
    return slotName(this.#keyFolder, slot);
  }

  #onEnd(slot: number): void {
    const { queue } = this.#gate.keyState;
    const blob = this.#blob;
    const { fair, handOverMs, poll } = this.#options;
    const returned = this.#returned;
    if (!queue.busy) returned.forget();
    else if (fair || !returned.hasHadItsShare(blob.clock.now(), handOverMs)) returned.put(slot);
    else returned.leave(slot, blob.clock.now() + stayAwayMs(poll, blob.random));
  }

  /** In the background: no task waits for that. */
  #leave(gate: Hold): void {
    this.#returned.leaveGate(endQuietly(gate, this.#blob.log, `the gate of semaphore "${this.key}"`));
  }

  get #blob(): LockBlob {
    return this.#gate.blob;
  }

  get #returned(): ReturnedSlots {
    return ReturnedSlots.of(this.#gate.keyState);
  }
}
