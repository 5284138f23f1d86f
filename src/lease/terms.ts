import { shown } from "../errors.ts";

/** The times by which a lease is kept. Each has a default. Times that do not fit together are a `RangeError`. */
export interface TermsOptions {
  /**
   * How long the lease lasts without renewal, in whole seconds from 15 to 60 (Azure's limits). Default: 30.
   * A crashed holder keeps other processes out for at most this long.
   */
  leaseSeconds?: number | undefined;
  /**
   * How often the lease is renewed, in milliseconds. Default: a third of the lease. The first renewal comes after half
   * to all of it, drawn at random, so that locks which are taken together are not renewed together.
   */
  renewEveryMs?: number | undefined;
  /**
   * How long before the service may free the lease the holder gives it up for lost, in milliseconds, at least 100.
   * Default: a sixth of the lease. This is the time your work has to stop before another holder may start, and what
   * this machine's clock may lose within one lease.
   */
  marginMs?: number | undefined;
  /**
   * How long one request may take before it counts as unanswered, in milliseconds, at least 100. Default: 3,000, or
   * what the mutex says.
   */
  tryTimeoutMs?: number | undefined;
}

/** The times by which a lease is kept. All fit together. */
export interface LeaseTerms {
  readonly leaseSeconds: number;
  readonly renewEveryMs: number;
  readonly marginMs: number;
  readonly tryTimeoutMs: number;
  /** How long after the request that got it the lease is good: its length less the margin. */
  readonly goodForMs: number;
}

/** What a mutex says of the terms of its locks. */
export type MutexTerms = Pick<LeaseTerms, "tryTimeoutMs">;

/** Azure's limits for a finite lease, in seconds. https://learn.microsoft.com/rest/api/storageservices/lease-blob */
export const SHORTEST_LEASE_SECONDS = 15;
const LONGEST_LEASE_SECONDS = 60;

export const DEFAULTS: {
  readonly leaseSeconds: number;
  readonly renewalsPerLease: number;
  readonly marginsPerLease: number;
  readonly tryTimeoutMs: number;
} = Object.freeze({ leaseSeconds: 30, renewalsPerLease: 3, marginsPerLease: 6, tryTimeoutMs: 3_000 });

/** The most that lies between two tries of one request, so that a second one fits before a deadline. */
export const LONGEST_RETRY_DELAY_MS = 1_000;

/** A server may free a lease this much early: it rounds, and so do we. */
const SHORTEST_MARGIN_MS = 100;
const SHORTEST_TRY_MS = 100;

/** Throws a `RangeError` unless the length is one that Azure grants. */
export function checkLeaseSeconds(leaseSeconds: unknown, name = "leaseSeconds"): asserts leaseSeconds is number {
  if (
    !Number.isInteger(leaseSeconds) ||
    (leaseSeconds as number) < SHORTEST_LEASE_SECONDS ||
    (leaseSeconds as number) > LONGEST_LEASE_SECONDS
  ) {
    const range = `from ${SHORTEST_LEASE_SECONDS} to ${LONGEST_LEASE_SECONDS}`;
    throw new RangeError(`${name} must be a whole number ${range}, not ${shown(leaseSeconds)}`);
  }
}

/** Throws a `RangeError` unless the value is a number of milliseconds of at least `least`. */
export function checkMs(value: unknown, name: string, least = 0): asserts value is number {
  if (typeof value !== "number" || !(value >= least)) {
    throw new RangeError(`${name} must be a number of milliseconds of at least ${least}, not ${shown(value)}`);
  }
}

/** The terms of a lock that states none, or its length alone. They are not checked against each other. */
export function defaultTerms({ tryTimeoutMs }: MutexTerms, leaseSeconds: number = DEFAULTS.leaseSeconds): LeaseTerms {
  const leaseMs = leaseSeconds * 1_000;
  const renewEveryMs = leaseMs / DEFAULTS.renewalsPerLease;
  const marginMs = leaseMs / DEFAULTS.marginsPerLease;
  return { leaseSeconds, renewEveryMs, marginMs, tryTimeoutMs, goodForMs: leaseMs - marginMs };
}

/** The terms on which a lease is kept, with the arithmetic that lets two renewals fail before the lock is given up. */
export function resolveTerms(
  { leaseSeconds = DEFAULTS.leaseSeconds, ...options }: TermsOptions,
  defaultTryTimeoutMs: number,
): LeaseTerms {
  checkLeaseSeconds(leaseSeconds);
  const leaseMs = leaseSeconds * 1_000;
  const defaults = defaultTerms({ tryTimeoutMs: defaultTryTimeoutMs }, leaseSeconds);
  const {
    renewEveryMs = defaults.renewEveryMs,
    marginMs = defaults.marginMs,
    tryTimeoutMs = defaults.tryTimeoutMs,
  } = options;
  checkMs(marginMs, "marginMs", SHORTEST_MARGIN_MS);
  checkMs(tryTimeoutMs, "tryTimeoutMs", SHORTEST_TRY_MS);
  checkMs(renewEveryMs, "renewEveryMs", 1);
  // P9: the holder gives the lease up before the service does.
  const goodForMs = leaseMs - marginMs;
  if (renewEveryMs >= goodForMs) {
    throw new RangeError(`renewEveryMs (${renewEveryMs}) must be below leaseSeconds minus marginMs (${goodForMs} ms)`);
  }
  // P49: two renewals in a row may fail.
  const twoTriesMs = renewEveryMs + 2 * tryTimeoutMs + LONGEST_RETRY_DELAY_MS;
  if (twoTriesMs > goodForMs) {
    const pause = `the pause of ${LONGEST_RETRY_DELAY_MS} ms between them`;
    const tries = `two tries of tryTimeoutMs (${tryTimeoutMs}) and ${pause}`;
    const room = `leaseSeconds minus marginMs (${goodForMs} ms)`;
    throw new RangeError(`renewEveryMs (${renewEveryMs}), ${tries} do not fit into ${room}`);
  }
  return { leaseSeconds, renewEveryMs, marginMs, tryTimeoutMs, goodForMs };
}

/** Whether both keep a lease by the same times. */
export function areSameTerms(a: LeaseTerms, b: LeaseTerms): boolean {
  return (
    a.leaseSeconds === b.leaseSeconds &&
    a.renewEveryMs === b.renewEveryMs &&
    a.marginMs === b.marginMs &&
    a.tryTimeoutMs === b.tryTimeoutMs
  );
}
