import { hostname } from "node:os";
import type { Holder, HolderDescription } from "../blobs/holder.ts";
import { type KeyKind, shown } from "../errors.ts";
import { checkMs, type LeaseTerms, resolveTerms, type TermsOptions } from "../lease/terms.ts";
import { type PollOptions, type PollPolicy, resolvePollOptions } from "./backoff.ts";

/**
 * How a lock is held and waited for. Everything has a default; what does not fit together is refused at construction.
 */
export interface LockerOptions extends TermsOptions {
  /**
   * How long `lock()` goes on without any answer from the service before it rejects, in milliseconds that the machine
   * is awake. Default: 20,000.
   */
  unreachableAfterMs?: number | undefined;
  /**
   * Whether the holder writes who it is into the blob's metadata and gets a fencing token. Default: true. With false a
   * lock and unlock always takes two requests, `fencingToken` is undefined, and `inspect` cannot tell who holds the
   * lock.
   */
  fencing?: boolean | undefined;
  /** A name for the holder, for people and for `break`, up to 256 characters. Default: `host:pid`. */
  holder?: string | undefined;
  /** What the lock is held for, for people, up to 1,024 characters. Default: nothing. */
  purpose?: string | undefined;
  /**
   * Whether processes get the lock in the order they came, through a queue in the container; a property of the key that
   * all its users set alike. A user that does not, a go-azuremutex among them, excludes and is excluded all the same,
   * but enters only when the queue is empty. Order is kept as long as no lease runs out. Default: false. Needs the
   * permissions to list and delete.
   */
  fair?: boolean | undefined;
  /**
   * How often the service is asked while another process holds the lock. Not with `fair`, whose queue paces itself.
   * Default: as each option of {@link PollOptions} says.
   */
  poll?: PollOptions | undefined;
  /**
   * For how long, in milliseconds since the service granted the lease, the tasks of this process hand the lock to each
   * other without a request before other processes get their chance. Default: 3,000. With 0 every release goes to the
   * service.
   */
  handOverMs?: number | undefined;
  /** How often they do so at most. Default: 100,000. */
  handOverCount?: number | undefined;
  /**
   * The longest that one task may hold it, in milliseconds, at least 1, counted from when it began to hold it. Then the
   * lock is lost with `why: "maxHold"`: its signal aborts, and it is not renewed any more. It is released when the task
   * has released it or its `run` has ended, and lapses within one lease otherwise. Default: no limit.
   */
  maxHoldMs?: number | undefined;
  /**
   * After how long it is overdue, in milliseconds, at least 1: the event `overdue`, a metric and a line in the log say
   * so, once, and nothing else happens. Below `maxHoldMs`. Default: never.
   */
  overdueAfterMs?: number | undefined;
}

/** For how long one task may hold a lock, in milliseconds; `Infinity` for no limit. */
export interface HoldBounds {
  readonly maxHoldMs: number;
  readonly overdueAfterMs: number;
}

export interface ResolvedLockerOptions {
  readonly terms: LeaseTerms;
  readonly unreachableAfterMs: number;
  readonly fencing: boolean;
  readonly description: HolderDescription;
  readonly fair: boolean;
  readonly poll: PollPolicy;
  readonly handOverMs: number;
  readonly handOverCount: number;
  readonly bounds: HoldBounds;
  /** How many requests the holder has to make before it is of use. Default: none. */
  readonly requestsAfter?: number;
}

const NO_BOUNDS: HoldBounds = Object.freeze({
  maxHoldMs: Number.POSITIVE_INFINITY,
  overdueAfterMs: Number.POSITIVE_INFINITY,
});

const HOST = hostname();
const THIS_PROCESS: Holder = Object.freeze({ name: `${HOST}:${process.pid}`, host: HOST, pid: process.pid });
export const LONGEST_HOLDER = 256;
const LONGEST_PURPOSE = 1_024;
const UNREACHABLE_AFTER_MS = 20_000;
const HAND_OVER_MS = 3_000;
const HAND_OVER_COUNT = 100_000;

/**
 * The options of a user of a key with every default filled in, checked against each other. The request's timeout is the
 * mutex's. Throws `RangeError` or `TypeError` naming option and value.
 */
export function resolveLockerOptions(
  options: LockerOptions,
  mutex: { readonly tryTimeoutMs: number },
  kind: KeyKind = "lock",
): ResolvedLockerOptions {
  const {
    unreachableAfterMs = UNREACHABLE_AFTER_MS,
    handOverMs = HAND_OVER_MS,
    handOverCount = HAND_OVER_COUNT,
  } = options;
  const { fencing = true, fair = false, holder, purpose, poll } = options;
  const { maxHoldMs = NO_BOUNDS.maxHoldMs, overdueAfterMs = NO_BOUNDS.overdueAfterMs } = options;
  checkMs(unreachableAfterMs, "unreachableAfterMs");
  checkMs(handOverMs, "handOverMs");
  if (!(Number.isInteger(handOverCount) && handOverCount >= 0)) {
    throw new RangeError(`handOverCount must be a whole number of at least 0, not ${shown(handOverCount)}`);
  }
  checkMs(maxHoldMs, "maxHoldMs", 1);
  checkMs(overdueAfterMs, "overdueAfterMs", 1);
  if (Number.isFinite(overdueAfterMs) && overdueAfterMs >= maxHoldMs)
    throw new RangeError(`overdueAfterMs (${overdueAfterMs}) must be below maxHoldMs (${maxHoldMs})`);
  checkSwitch(fencing, "fencing");
  checkSwitch(fair, "fair");
  if (holder !== undefined) checkText(holder, "holder", LONGEST_HOLDER);
  if (purpose !== undefined) checkText(purpose, "purpose", LONGEST_PURPOSE);
  const terms = resolveTerms(options, mutex.tryTimeoutMs);
  return {
    terms,
    unreachableAfterMs,
    fencing,
    description: {
      kind,
      holder: holder === undefined ? THIS_PROCESS : { name: holder, host: HOST, pid: process.pid },
      ...(purpose === undefined ? {} : { purpose }),
      leaseSeconds: terms.leaseSeconds,
      fair,
    },
    fair,
    poll: resolvePollOptions(poll),
    handOverMs,
    handOverCount,
    // One object for most: each lock that is held has its options.
    bounds: Number.isFinite(Math.min(maxHoldMs, overdueAfterMs)) ? { maxHoldMs, overdueAfterMs } : NO_BOUNDS,
  };
}

/** Throws `TypeError` unless it is true or false. */
export function checkSwitch(value: unknown, name: string): void {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false, not ${shown(value)}`);
}

export function checkText(value: unknown, name: string, longest: number): void {
  if (typeof value !== "string" || value === "" || value.length > longest) {
    const got = typeof value === "string" ? `one of ${value.length}` : shown(value);
    throw new TypeError(`${name} must be a string of 1 to ${longest} characters, not ${got}`);
  }
}
