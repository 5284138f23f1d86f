import { LeaseAlreadyPresentError, LockLostError } from "../errors.ts";
import { Acquisition } from "../lease/acquisition.ts";
import { ManualLease } from "../lease/manual-lease.ts";
import { expiredBeforeUse, isUnsure, retry, TRIES } from "../lease/retry.ts";
import { checkLeaseSeconds } from "../lease/terms.ts";
import { checkKey } from "../store/azure/blob-name.ts";
import type { LeaseLength } from "../store/lease-store.ts";
import { WaitLimit } from "../waiting/wait-limit.ts";
import { Handle } from "./handle.ts";
import type { LockSpace } from "./lock-space.ts";
import type { CallOptions } from "./mutex.ts";

/** A lease taken by {@link AzureMutex.acquire}. Nothing renews it. */
export interface AcquiredLease {
  /** The name of the lock. */
  readonly key: string;
  /** The id of the lease, as Azure has it. */
  readonly leaseId: string;
  /**
   * Whether the lease is held, by the clock at this very moment. False while it is {@link AcquiredLease.isUncertain}.
   */
  readonly isHeld: boolean;
  /**
   * Whether the lease is neither held nor lost: the machine slept for more than a second since the last renewal, and
   * the deadline has not passed. {@link AcquiredLease.renew} decides. Never true of an infinite lease.
   */
  readonly isUncertain: boolean;
  /** How long it is certain to last, in milliseconds, by the clock at this moment; `Infinity` for an infinite one. */
  readonly remainingMs: number;
  /**
   * Renews this lease: its time, as long as it was acquired for, starts anew.
   *
   * @throws `LockLostError` if the lease is lost; `NotHeldError` once its release was sent, answered or not;
   *   `StoreUnavailableError` after three tries without an answer: the lease then runs on as it did.
   */
  renew(options?: CallOptions): Promise<void>;
  /**
   * Releases this lease, and no other. Called again after an answer, it does nothing.
   *
   * @throws `LockLostError` if the lease was lost before this call; `StoreUnavailableError` after three tries without
   *   an answer: the lease may then be released again, or lapses by itself.
   */
  release(): Promise<void>;
}

/** The lease as its caller sees it. */
class LeaseHandle extends Handle implements AcquiredLease {
  readonly leaseId: string;
  readonly renew: AcquiredLease["renew"];
  readonly release: AcquiredLease["release"];

  constructor(lease: ManualLease) {
    super(lease.key, lease);
    this.leaseId = lease.leaseId;
    this.renew = (options) => lease.renew(options);
    this.release = () => lease.release();
    Object.freeze(this);
  }
}

/** {@link AzureMutex.acquire} */
export async function acquireByHand(
  space: LockSpace,
  key: string,
  length: LeaseLength,
  signal: AbortSignal | undefined,
): Promise<AcquiredLease> {
  checkKey(key);
  if (length !== "infinite") checkLeaseSeconds(length);
  signal?.throwIfAborted();
  space.closing.signal.throwIfAborted();
  const blob = space.blob({ key });
  const acquisition = new Acquisition(blob, { length });
  const limit = new WaitLimit(space, key, { signal });
  try {
    const granted = await retry(blob, () => acquisition.ask(limit.signal), { signal: limit.signal, tries: TRIES });
    limit.signal.throwIfAborted();
    if (granted.kind === "held") throw new LeaseAlreadyPresentError(key);
    const { remove: onEnd } = space.leases;
    const lease = new ManualLease(blob, { origin: acquisition, granted, length, onEnd });
    // The machine slept while the answer was on its way.
    if (lease.isUncertain) await renewUnused(lease, limit.signal);
    if (!lease.isHeld) throw expiredBeforeUse(key);
    space.leases.add(lease);
    return new LeaseHandle(lease);
  } catch (error) {
    acquisition.abandon({ unreachable: isUnsure(error) });
    throw error;
  } finally {
    limit.end();
  }
}

/**
 * Renews a lease that its caller has not got yet. A loss is a `StoreUnavailableError` then: the caller has lost
 * nothing.
 */
async function renewUnused(lease: ManualLease, signal: AbortSignal): Promise<void> {
  try {
    await lease.renew({ signal });
  } catch (error) {
    throw error instanceof LockLostError ? expiredBeforeUse(lease.key, { cause: error }) : error;
  }
}
