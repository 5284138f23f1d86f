import { isMutexError, LeaseAlreadyPresentError, LockLostError, NotHeldError, StoreUnavailableError } from "./errors.ts";
import { Acquisition } from "./lease/acquisition.ts";
import { attempt, isUnsure, untilAnswered } from "./lease/attempt.ts";
import { checkKey, checkPrefix, RESERVED_PREFIX } from "./lease/blob-name.ts";
import { isLeased, type LeaseLength, type LeaseState, type ReadAnswer, type ReleaseAnswer, type StoredBlob } from "./lease/lease-store.ts";
import type { LockBlob } from "./lease/lock-blob.ts";
import { recordIn } from "./lease/lock-record.ts";
import { ManualLease } from "./lease/manual-lease.ts";
import { readBlob } from "./lease/read-blob.ts";
import { LockSpace } from "./lock-space.ts";
import { Locker } from "./locker.ts";
import { checkLeaseSeconds, type Holder, shown } from "./options.ts";
import { FairQueue, QUEUE_PREFIX, ticketIn, type WaitingTicket } from "./waiting/fair-queue.ts";
import type { LockerOptions } from "./waiting/locker-options.ts";

/** What every call of {@link AzureMutex} may be given. */
export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. What it had acquired is given back. */
  signal?: AbortSignal;
}

/** What the service, and the last holder that left a record, say of a lock. */
export interface LockStatus {
  readonly key: string;
  /** Whether somebody holds the lock at this moment. A breaking lease still is held. */
  readonly isHeld: boolean;
  /** The state of the lease, or `missing` if there is no such blob: nobody ever locked it, or it was deleted. */
  readonly state: LeaseState | "missing";
  /** Whether the lease is infinite. */
  readonly infinite: boolean;
  /**
   * The last holder that used fencing. It is the present one unless that one is a `fencing: false` locker, an
   * `AzureMutex.acquire` or a go-azuremutex, which leave no record.
   */
  readonly holder?: Holder;
  /** What that holder held the lock for. */
  readonly purpose?: string;
  /** The length of its lease, in seconds. */
  readonly leaseSeconds?: number;
  /** When its record was written, by the service's clock. It may have held the lock several times since. */
  readonly recordedAt?: Date;
  /** No fencing token up to now is higher than this. */
  readonly highestToken?: number;
  /**
   * Who waits in the queue between processes (`fair: true`), first come first; one for each process. Left out where the
   * credentials do not allow to list.
   */
  readonly waiting?: readonly WaitingProcess[];
}

/** A process that waits for a lock with `fair: true`. */
export interface WaitingProcess {
  readonly holder: Holder;
  /** When it came, by the service's clock. */
  readonly since: Date;
}

export interface BreakOptions extends CallOptions {
  /** Breaks the lock only if its record names this holder (`Holder.name`). Default: whoever holds it. */
  ifHolder?: string;
  /**
   * After how many seconds, from 0 to 60, the lock is free at the latest. Default: when the lease would have ended by
   * itself, which keeps the guarantee: the holder cannot renew and stops in time. An infinite lease breaks at once.
   *
   * With 0 the lock is free at once, **while its holder goes on until its next renewal fails**: two may be at work.
   */
  periodSeconds?: number;
}

export type BreakResult =
  | {
      readonly outcome: "broken";
      /** In how many seconds another can acquire the lock. */
      readonly freeInSeconds: number;
      /** Whom it stopped, as far as the record tells. */
      readonly holder?: Holder;
    }
  /** Nobody held it. */
  | { readonly outcome: "notHeld" }
  /** Somebody else than `ifHolder` holds it. Nothing was changed. */
  | { readonly outcome: "heldByAnother"; readonly holder?: Holder };

/** A lease taken by {@link AzureMutex.acquire}. Nothing renews it. */
export interface AcquiredLease {
  readonly key: string;
  readonly leaseId: string;
  /** Whether the lease is held, by the clock at this very moment. */
  readonly isHeld: boolean;
  /** How long it is certain to last, in milliseconds, by the clock at this moment; `Infinity` for an infinite one. */
  readonly remainingMs: number;
}

/** How often a break is tried again when the blob was written between the look and the break. */
const MOST_LOOKS = 5;
const LONGEST_BREAK_SECONDS = 60;

/**
 * Locks that are blobs of one container: take, renew and give back leases by key, see who holds what, and break a lock.
 * One object serves any number of keys, and concurrent calls. For a lock that waits and renews itself, see {@link Locker}.
 */
export class AzureMutex extends LockSpace {
  readonly #held = new Map<string, ManualLease>();

  /**
   * Asks once for the lease of a key, creating blob and container where they are missing. Nothing renews it: it lapses
   * after `leaseSeconds` unless {@link AzureMutex.renew} is called in time.
   *
   * `"infinite"` asks for a lease without end. **A crashed holder then keeps everybody out until a person breaks the lock.**
   * It is checked every 20 s, so that {@link AcquiredLease.isHeld} turns false after a break.
   *
   * @param leaseSeconds - 15 to 60, or `"infinite"`.
   * @throws `LeaseAlreadyPresentError` if somebody holds it, this object included; `InvalidKeyError`, `RangeError`;
   * `StoreUnavailableError` after three tries without an answer; `AccessDeniedError`; `StoreRefusedError`.
   */
  async acquire(key: string, leaseSeconds: LeaseLength, { signal }: CallOptions = {}): Promise<AcquiredLease> {
    checkKey(key);
    if (leaseSeconds !== "infinite") checkLeaseSeconds(leaseSeconds);
    signal?.throwIfAborted();
    const blob = this.blob({ key });
    const acquisition = new Acquisition(blob, { length: leaseSeconds, tryTimeoutMs: this.tryTimeoutMs });
    try {
      const answer = await untilAnswered(blob, () => acquisition.ask(signal), signal);
      if (answer.kind === "held") throw new LeaseAlreadyPresentError(key);
      const { leaseId, mayReturn } = acquisition;
      const lease = new ManualLease(blob, {
        leaseId,
        length: leaseSeconds,
        tryTimeoutMs: this.tryTimeoutMs,
        asked: answer.asked,
        mayReturn,
      });
      // Whatever this object held under the key before has lapsed, or the service would not have granted it again.
      this.#held.get(key)?.forget();
      this.#held.set(key, lease);
      return lease;
    } catch (error) {
      acquisition.abandon({ unreachable: isUnsure(error) });
      throw error;
    }
  }

  /**
   * Starts the lease of a key anew, for as long as it was acquired for.
   *
   * @throws `NotHeldError` if this object does not hold the key; `LockLostError` if the service says that it does not any
   * more; `StoreUnavailableError` after three tries without an answer: the lease then runs on as it did.
   */
  async renew(key: string, { signal }: CallOptions = {}): Promise<void> {
    const lease = this.#leaseOf(key);
    try {
      await lease.renew(signal);
    } catch (error) {
      if (error instanceof LockLostError && this.#held.get(key) === lease) this.#held.delete(key);
      throw error;
    }
  }

  /**
   * Gives the lease of a key back. Takes no signal: whoever is being stopped must still be able to let go.
   *
   * @throws `NotHeldError` if this object does not hold the key; `LockLostError` if another got it before this call;
   * `StoreUnavailableError` after three tries without an answer: the key may then be released again, or lapses by itself.
   */
  async release(key: string): Promise<void> {
    const lease = this.#leaseOf(key);
    this.#held.delete(key);
    let answer: ReleaseAnswer;
    try {
      answer = await lease.release();
    } catch (error) {
      if (!this.#held.has(key)) this.#held.set(key, lease);
      throw error;
    }
    if (answer.kind === "refused") throw new LockLostError(key, answer.why, `release refused (${answer.status})`);
  }

  /** A locker of this mutex for one key. Lockers of one mutex and key queue in order and share what is known of the key. */
  locker(key: string, options: LockerOptions = {}): Locker {
    return new Locker(this, key, options);
  }

  /** What the service says of a lock, what its last holder wrote, and who waits. Two requests; it changes nothing. */
  async inspect(key: string, { signal }: CallOptions = {}): Promise<LockStatus> {
    checkKey(key);
    const blob = this.blob({ key });
    const queue = new FairQueue(blob, this.tryTimeoutMs);
    const [found, tickets] = await Promise.all([
      this.#read(blob, signal),
      unlessDenied(untilAnswered(blob, async () => (await queue.look(signal)).tickets, signal)),
    ]);
    const status = found.kind === "missing" ? { key, isHeld: false, state: found.kind, infinite: false } : statusOf(found.blob);
    return { ...status, ...waitingIn(tickets) };
  }

  /**
   * The locks whose keys begin with `prefix`, by key: every blob of the container that is leased or bears a record of ours.
   * One request for up to 5,000 blobs of the container, and as many for those who wait. Throws `TypeError` at once for a prefix that no key can have.
   */
  list({ prefix = "", signal }: CallOptions & { prefix?: string } = {}): AsyncIterable<LockStatus> {
    checkPrefix(prefix);
    return this.#list(prefix, signal);
  }

  /**
   * Breaks a lock, whoever holds it, and says whom it stopped. Works without a record: breaking needs no lease id.
   *
   * @throws `RangeError` for a `periodSeconds` outside 0–60; `StoreUnavailableError` after three tries without an answer, or
   * if the blob is written again and again while it is looked at.
   */
  async break(key: string, { ifHolder, periodSeconds, signal }: BreakOptions = {}): Promise<BreakResult> {
    checkKey(key);
    if (ifHolder !== undefined && typeof ifHolder !== "string")
      throw new TypeError(`ifHolder must be a holder's name, not ${shown(ifHolder)}`);
    if (periodSeconds !== undefined && !(Number.isInteger(periodSeconds) && periodSeconds >= 0 && periodSeconds <= LONGEST_BREAK_SECONDS)) {
      throw new RangeError(`periodSeconds must be a whole number from 0 to ${LONGEST_BREAK_SECONDS}, not ${shown(periodSeconds)}`);
    }
    const blob = this.blob({ key });
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const found = await this.#read(blob, signal);
      if (found.kind === "missing") return { outcome: "notHeld" };
      const { isHeld, holder } = statusOf(found.blob);
      const whom = holder ? { holder } : {};
      if (!isHeld) return { outcome: "notHeld" };
      if (ifHolder !== undefined && holder?.name !== ifHolder) return { outcome: "heldByAnother", ...whom };
      const ifMatch = ifHolder === undefined ? undefined : found.blob.etag;
      const options = { operation: "break", timeoutMs: this.tryTimeoutMs, signal };
      const breakIt = (request: AbortSignal) => this.store.break(key, { periodSeconds, ifMatch, signal: request });
      const answer = await untilAnswered(blob, () => attempt(blob, breakIt, options), signal);
      if (answer.kind === "breaking") return { outcome: "broken", freeInSeconds: answer.freeInSeconds, ...whom };
      if (answer.kind !== "unmet") return { outcome: "notHeld" };
    }
    throw new StoreUnavailableError(`could not break "${key}": it is written again whenever it is looked at`, key, { answered: true });
  }

  async *#list(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<LockStatus, void, undefined> {
    const waiting = new Map<string, WaitingTicket[]>();
    for await (const blob of this.#blobs(QUEUE_PREFIX, signal)) {
      const ticket = ticketIn(blob);
      if (ticket) waiting.set(ticket.key, [...(waiting.get(ticket.key) ?? []), ticket]);
    }
    for await (const blob of this.#blobs(prefix, signal)) {
      if (isLock(blob)) yield { ...statusOf(blob), ...waitingIn(waiting.get(blob.key) ?? []) };
    }
  }

  async *#blobs(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<StoredBlob, void, undefined> {
    const stop = new AbortController();
    const found = this.store.list(prefix, { signal: stop.signal })[Symbol.asyncIterator]();
    const options = { operation: "list", timeoutMs: this.tryTimeoutMs, signal };
    try {
      for (;;) {
        const step = await attempt(this.blob({ key: prefix }), () => found.next(), options);
        if (step.done) return;
        yield step.value;
      }
    } finally {
      stop.abort();
    }
  }

  #read(blob: LockBlob, signal: AbortSignal | undefined): Promise<ReadAnswer> {
    return untilAnswered(blob, () => readBlob(blob, { timeoutMs: this.tryTimeoutMs, signal }), signal);
  }

  #leaseOf(key: string): ManualLease {
    checkKey(key);
    const lease = this.#held.get(key);
    if (!lease) throw new NotHeldError(key);
    return lease;
  }
}

/** Whether a blob of the container is a lock, as far as it shows: a container may hold other things. */
function isLock({ key, leaseState, metadata }: StoredBlob): boolean {
  if (key.startsWith(RESERVED_PREFIX)) return false;
  return isLeased(leaseState) || recordIn(metadata) !== undefined;
}

function statusOf({ key, leaseState, infinite, metadata }: StoredBlob): LockStatus {
  const isHeld = isLeased(leaseState);
  const status = { key, isHeld, state: leaseState, infinite };
  const record = recordIn(metadata);
  if (!record) return status;
  const { holder, purpose, leaseSeconds, writtenAt, top } = record;
  return {
    ...status,
    holder,
    ...(purpose === undefined ? {} : { purpose }),
    leaseSeconds,
    recordedAt: new Date(writtenAt),
    highestToken: top,
  };
}

function waitingIn(tickets: readonly WaitingTicket[] | undefined): { waiting?: readonly WaitingProcess[] } {
  return tickets ? { waiting: tickets.map(({ holder, arrivedAt }) => ({ holder, since: new Date(arrivedAt) })) } : {};
}

/** What comes of it, or undefined if the credentials do not allow it. */
async function unlessDenied<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMutexError(error) && error.code === "ACCESS_DENIED") return undefined;
    throw error;
  }
}
