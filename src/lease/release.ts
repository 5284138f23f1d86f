import type { LockLostError } from "../errors.ts";
import type { ReleaseAnswer } from "../store/lease-store.ts";
import { inRootContext } from "../time/root-context.ts";
import type { LockBlob } from "./lock-blob.ts";
import { isUnsure, repeat, retry, TRIES } from "./retry.ts";

/** How a lease ended. */
export type EndAnswer =
  | ReleaseAnswer
  /**
   * The service refused after a try that went unanswered. Most likely that try ended the lease; of a lease that had run
   * out before, it is open whether it still stood.
   */
  | { readonly kind: "released"; readonly isAssumed: true };

export interface BackgroundOptions {
  /**
   * Whether an acquire went unanswered, which would take the lease again if it arrived after the release: it is
   * repeated for that.
   */
  readonly mayReturn?: boolean;
  /** For how long it is repeated, in milliseconds. Default: once. */
  readonly sweepMs?: number;
}

/**
 * Releases a lease, whatever the caller's signal says by now (P20): three tries, each with its own time-out. "Not ours
 * any more" is an answer; after a try that went unanswered it was most likely that try which ended the lease.
 */
export function releaseLease(blob: LockBlob, leaseId: string): Promise<EndAnswer> {
  return endLease(blob, leaseId, () => blob.release(leaseId));
}

/** Gives a lease to another id, as {@link releaseLease} gives it back. */
export function changeLease(blob: LockBlob, leaseId: string, newLeaseId: string): Promise<EndAnswer> {
  return endLease(blob, leaseId, async () => {
    const changed = await blob.change(leaseId, newLeaseId);
    return changed.kind === "changed" ? { kind: "released" } : changed;
  });
}

/**
 * The end of a lease that was lost before: it is given back, in the background, unless the service has shown that it is
 * another's.
 */
export async function releaseLost(
  blob: LockBlob,
  { leaseId, mayStand }: { readonly leaseId: string; readonly mayStand: boolean },
  { why }: LockLostError,
): Promise<EndAnswer> {
  if (mayStand) void inRootContext(() => releaseInBackground(blob, leaseId));
  return { kind: "refused", why, status: "lost before it was released" };
}

async function endLease(blob: LockBlob, leaseId: string, endOnce: () => Promise<ReleaseAnswer>): Promise<EndAnswer> {
  let unanswered = false;
  const tryOnce = async (): Promise<ReleaseAnswer> => {
    try {
      return await endOnce();
    } catch (error) {
      unanswered ||= isUnsure(error);
      throw error;
    }
  };
  const answer = await whileStanding(blob, leaseId, () => retry(blob, tryOnce, { tries: TRIES }));
  return unanswered && answer.kind === "refused" ? { kind: "released", isAssumed: true } : answer;
}

/** Lists the lease as standing until its end is answered: the service may have it until then. */
async function whileStanding<T>({ standing, name }: LockBlob, leaseId: string, end: () => Promise<T>): Promise<T> {
  const lease = { name, leaseId };
  standing.add(lease);
  try {
    return await end();
  } finally {
    standing.delete(lease);
  }
}

/**
 * Releases a lease that is not waited for, and again where the first release may not be the end of it. Never rejects;
 * what it cannot release lapses by itself.
 */
export async function releaseInBackground(
  blob: LockBlob,
  leaseId: string,
  options: BackgroundOptions = {},
): Promise<void> {
  const answered = await releaseQuietly(blob, leaseId);
  if (options.mayReturn || !answered) await releaseAgain(blob, leaseId, options);
}

/** After one timeout, and until `sweepMs` have passed, as {@link repeat} does. */
export async function releaseAgain(blob: LockBlob, leaseId: string, options: BackgroundOptions): Promise<void> {
  const release = (): Promise<false> => releaseQuietly(blob, leaseId).then(() => false);
  await repeat(blob, release, options.sweepMs ?? 0);
}

/** Whether there was an answer. */
async function releaseQuietly(blob: LockBlob, leaseId: string): Promise<boolean> {
  try {
    await whileStanding(blob, leaseId, () => blob.release(leaseId));
    return true;
  } catch (error) {
    blob.log(`a lease on "${blob.key}" could not be released; if it stands, it lapses by itself: ${String(error)}`);
    return false;
  }
}
