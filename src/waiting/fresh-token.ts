import type { HolderDescription } from "../blobs/holder.ts";
import type { OutageTimer } from "../lease/outage-timer.ts";
import { LinkedSignal } from "../time/abort.ts";
import type { ProcessLease } from "./process-lease.ts";

export interface FreshTokenOptions {
  /** Whether the holder gets a token at all. */
  readonly fencing: boolean;
  readonly description: HolderDescription;
  /** The caller's signal. */
  readonly signal: AbortSignal;
  /** Ends the wait when the service does not answer for too long. Made only if the service is asked. */
  readonly outage: () => OutageTimer;
  /** For how long to go on without success, in milliseconds. Default: until the signal aborts. */
  readonly longestMs?: number | undefined;
}

/**
 * A token from the block that the record reserves for this process, or else from one that is written now, under a lease
 * that is good for long enough. The lease's last stamp of the blob may be as old as the grant: other processes may have
 * held the lock since, and have handed it on. Undefined without fencing.
 */
export async function freshToken(processLease: ProcessLease, options: FreshTokenOptions): Promise<number | undefined> {
  const { fencing, description, signal } = options;
  const { tokens, renewer } = processLease;
  const { lease } = renewer;
  for (;;) {
    const token = fencing
      ? (tokens.next(lease.lastStamp, description) ?? (await reserveToken(processLease, options)))
      : undefined;
    const { lastStamp } = lease;
    // P7: the clock is read after the last await.
    await renewer.freshen(signal);
    if (lease.lastStamp === lastStamp || !fencing) return token;
  }
}

async function reserveToken(
  { blob, tokens, renewer: { lease } }: ProcessLease,
  { description, signal, outage, longestMs }: FreshTokenOptions,
): Promise<number> {
  const { leaseId, lastStamp: before } = lease;
  const either = new LinkedSignal(signal, lease.signal);
  const request = { leaseId, lastStamp: before, description, signal: either.signal, outage: outage(), longestMs };
  try {
    const { token, lastStamp } = await tokens.reserve(blob, request);
    lease.wrote(lastStamp);
    return token;
  } finally {
    either.end();
  }
}
