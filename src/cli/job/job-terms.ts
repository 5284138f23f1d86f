import { Option } from "commander";
import { CommandError, EXIT } from "../exit-codes.ts";
import { type Duration, parseDuration } from "../options/duration.ts";

const SHORTEST_LEASE_SECONDS = 15;
const LONGEST_LEASE_SECONDS = 60;
const LONGEST_TRY_MS = 3_000;
const LONGEST_GRACE_MS = 10_000;

/** By what times a job's lock is kept, and how long the job has to stop. */
export interface JobTerms {
  readonly leaseSeconds: number;
  readonly renewEveryMs: number;
  readonly marginMs: number;
  readonly tryTimeoutMs: number;
  readonly graceMs: number;
  readonly maxHoldMs: number | undefined;
}

export interface JobTermsOptions {
  readonly lease: Duration;
  readonly grace?: Duration;
  readonly max?: Duration;
}

export const leaseOption = (): Option =>
  new Option("--lease <duration>", "length of the lease, 15s to 60s: how long a crashed holder can keep others out")
    .default(parseDuration("30s"), "30s")
    .argParser(parseDuration);

export const graceOption = (): Option =>
  new Option(
    "--grace <duration>",
    "how long the command has to stop when the lock is not certain any more, from SIGTERM to SIGKILL " +
      "(default: a third of the lease, at most 10s)",
  ).argParser(parseDuration);

/** For what azmutex cannot stop: it only ends before. */
export const holdGraceOption = (): Option =>
  new Option(
    "--grace <duration>",
    "if renewals fail, how long before the lock is not certain any more it ends: the script's time to stop " +
      "(default: a third of the lease, at most 10s)",
  ).argParser(parseDuration);

/** @param then - What happens when it has passed. */
export const maxOption = (then: string): Option =>
  new Option("--max <duration>", `longest time to hold it: then ${then} (default: no limit)`).argParser(parseDuration);

/** Throws a {@link CommandError} for bad usage where lease and grace leave a renewal no chance. */
export function jobTerms({ lease, grace, max }: JobTermsOptions): JobTerms {
  const leaseSeconds = lease.ms / 1_000;
  if (
    !(Number.isInteger(leaseSeconds) && leaseSeconds >= SHORTEST_LEASE_SECONDS && leaseSeconds <= LONGEST_LEASE_SECONDS)
  ) {
    throw new CommandError(
      `--lease must be whole seconds from ${SHORTEST_LEASE_SECONDS}s to ${LONGEST_LEASE_SECONDS}s, not ${lease.text}`,
      EXIT.usage,
    );
  }
  const renewEveryMs = lease.ms / 3;
  const marginMs = lease.ms / 6;
  // Shorter than the library's own where the lease is short: the grace needs the room.
  const tryTimeoutMs = Math.min(LONGEST_TRY_MS, lease.ms / 6);
  const graceMs = grace?.ms ?? Math.min(LONGEST_GRACE_MS, lease.ms / 3);
  const longestGraceMs = lease.ms - marginMs - renewEveryMs - tryTimeoutMs;
  if (grace && graceMs > longestGraceMs) {
    throw new CommandError(
      `--grace must be at most ${longestGraceMs / 1_000}s with a lease of ${lease.text}, not ${grace.text}: ` +
        "the command would be stopped before the first renewal was answered",
      EXIT.usage,
    );
  }
  if (max && max.ms < 1) throw new CommandError(`--max must be at least 1ms, not ${max.text}`, EXIT.usage);
  return { leaseSeconds, renewEveryMs, marginMs, tryTimeoutMs, graceMs, maxHoldMs: max?.ms };
}
