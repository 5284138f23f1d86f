import type { LeaseObserver } from "../telemetry/lease-observer.ts";
import type { AnySignal } from "../time/abort.ts";
import { Stopwatch } from "../time/clock.ts";
import type { Lease } from "./lease.ts";
import type { LockBlob } from "./lock-blob.ts";
import { lossBy } from "./refusal.ts";
import { type RetryPolicy, retry, retryDelayMs } from "./retry.ts";

/** What a renewal asks of the one that sends it, and tells it. */
interface RenewalHost extends Required<Pick<LeaseObserver, "renewing" | "onRenewal">> {
  /** Whether a renewal is to be sent, if one is due. */
  readonly isWanted: boolean;
  readonly isPaused: boolean;
  /** Aborts when renewals stop. */
  readonly stopping: AnySignal;
}

/** Renews a lease until a renewal was answered in time, or the lease is overdue, lost or released. Never rejects. */
export async function renew(blob: LockBlob, lease: Lease, host: RenewalHost): Promise<void> {
  const { key, random, log } = blob;
  const policy: RetryPolicy<unknown> = {
    signal: host.stopping,
    keepAlive: false,
    isRepeated: () => lease.isOpen && !host.isPaused,
    failed: (error, failures) => {
      lease.renewalFailed(error);
      const msLeft = lease.remainingMs;
      log(`renewal of "${key}" failed, ${Math.round(msLeft)} ms left: ${String(error)}`);
      host.onRenewal({ kind: "failed", error, msLeft, attempt: failures });
      return retryDelayMs(failures, random);
    },
  };
  await retry(blob, (failures) => renewOnce(blob, lease, host, failures > 0), policy).catch(() => undefined);
}

/**
 * True when the lease is settled for now: renewed in time, lost, or not to be renewed any more. 0 when the answer was
 * late.
 */
async function renewOnce(blob: LockBlob, lease: Lease, host: RenewalHost, hasFailed: boolean): Promise<true | 0> {
  if (!host.isWanted) return true;
  const turn = { hasFailed, leftMs: () => lease.remainingMs, isWanted: () => host.isWanted };
  const renewal = await blob.renewals.run(turn, async () => {
    const { lastStamp } = lease;
    // P8: the lease counts from before its request.
    const sent = new Stopwatch(blob.clock);
    const answer = await host.renewing(() => blob.renew(lease.leaseId, { signal: host.stopping }));
    return { answer, sent, lastStamp };
  });
  if (!renewal || !lease.isOpen) return true;
  const { answer, sent, lastStamp } = renewal;
  const { elapsedMs, suspended } = sent.read();
  // P17: an answer that comes after its own deadline proves nothing any more.
  const isLate = suspended || elapsedMs >= lease.terms.goodForMs;
  const kind = isLate && answer.kind === "renewed" ? "late" : answer.kind;
  const { remainingMs: msLeft } = lease;
  if (answer.kind === "renewed") {
    lease.stamped(answer, lastStamp);
    lease.renewed(sent, { isLate });
  }
  host.onRenewal({ kind, tookMs: elapsedMs, msLeft });
  // P16: a refusal is a loss at once. What is unsure was repeated until the deadline.
  if (answer.kind === "refused") lease.lose(lossBy(answer, blob.key, "renewal"));
  return kind === "late" ? 0 : true;
}
