/** Why a lock was lost. */
export type LossReason =
  /**
   * The holder's own deadline passed without an answered renewal, or the lease had lapsed when the service was asked.
   */
  | "expired"
  /** Another process leased or wrote the blob after our lease had ended. */
  | "taken"
  /** The lease was broken. */
  | "broken"
  /** The blob or its container is gone. */
  | "deleted"
  /** This process released it while its holder worked on: `releaseAll`, `close`, or `stopWork` at its end. */
  | "released"
  /** It was held for as long as `maxHoldMs` allows, and is not renewed any more. */
  | "maxHold";

/** What the users of a key use it as. Each of them uses it as the same. */
export type KeyKind = "lock" | "semaphore" | "reader-writer-lock" | "election" | "once";

// Registered, so that two copies of the package in one process recognise each other's errors.
const BRAND: unique symbol = Symbol.for("azmutex.MutexError");

/**
 * What every error of azmutex has: a `code` to tell it by, the `key` it is about where there is one, and often a
 * `cause`.
 */
export abstract class MutexError extends Error {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  abstract readonly code: string;
  /** The key of the lock, if the error is about one. */
  readonly key: string | undefined;
  /** @internal */
  readonly [BRAND] = true;

  constructor(message: string, key?: string, options?: ErrorOptions) {
    super(message, options);
    this.key = key;
    // A brand that is printed with every error would be noise.
    Object.defineProperty(this, BRAND, { enumerable: false });
  }
}

/** The lease is held: the answer of {@link AzureMutex.acquire}, which asks once. */
export class LeaseAlreadyPresentError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "LEASE_ALREADY_PRESENT";
  /** The name of the class. */
  override readonly name = "LeaseAlreadyPresentError";

  constructor(key: string) {
    super(`lock on "${key}" is held by another`, key);
  }
}

/** The key is not held by the object that was asked to renew, release or unlock it. */
export class NotHeldError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "NOT_HELD";
  /** The name of the class. */
  override readonly name = "NotHeldError";

  constructor(key: string, how?: string) {
    super(`lock on "${key}" is not held here${how === undefined ? "" : `: ${how}`}`, key);
  }
}

/**
 * The lock did not become free within the time the caller gave it. It has a `cause`, a `StoreUnavailableError`, if the
 * service gave no answer when that ended, or had never said that the lock is held.
 */
export class LockTimeoutError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "LOCK_TIMEOUT";
  /** The name of the class. */
  override readonly name = "LockTimeoutError";

  constructor(key: string, timeoutMs: number, options?: ErrorOptions) {
    const silence = options?.cause === undefined ? "" : silenceText(options.cause);
    super(`lock on "${key}" was not free within ${timeoutMs} ms${silence}`, key, options);
  }
}

function silenceText(cause: unknown): string {
  const why = whyUnavailable(cause);
  const { host = "the service", answered } = Object(cause) as { readonly host?: string; readonly answered?: boolean };
  return `, and ${host} ${answered ? "answers with errors" : "does not answer"}${why === undefined ? "" : `: ${why}`}`;
}

/**
 * What an outage is about in a few words, for a line that names the key already: the network's own words, or what
 * answered instead of the service. Undefined if there is nothing but silence.
 *
 * @internal
 */
export function whyUnavailable(error: unknown): string | undefined {
  if (!isMutexError(error) || error.code !== "STORE_UNAVAILABLE") return undefined;
  const { cause, key, message, reason } = error;
  if (reason !== undefined) return reason;
  if (isMutexError(cause)) return whyUnavailable(cause);
  const { code, statusCode } = (cause ?? {}) as { readonly code?: unknown; readonly statusCode?: unknown };
  if (cause instanceof Error && typeof code === "string" && statusCode === undefined && /\w/.test(cause.message))
    return cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
  if (/^(?:waiting for|no answer to) /.test(message)) return undefined;
  const [, why = message] = message.startsWith("could not ") && key !== undefined ? message.split(`"${key}": `, 2) : [];
  return why.replace(/^no answer from the service: /, "");
}

/**
 * A call would wait for what a `run` around it holds, and so for itself: the wait could not end. Tasks that a `run`
 * starts and does not await are below it, too; for those that may wait for its end there is
 * {@link MutexOptions.asyncContext}.
 */
export class DeadlockError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "DEADLOCK";
  /** The name of the class. */
  override readonly name = "DeadlockError";

  constructor(key: string) {
    super(`lock on "${key}" is held by a run around this call, which would wait for itself`, key);
  }
}

/** A lock that was held is held no longer. The work under it has to stop: another holder may start. */
export class LockLostError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "LOCK_LOST";
  /** The name of the class. */
  override readonly name = "LockLostError";
  /** How the lock was lost. */
  readonly why: LossReason;
  /** What the work itself threw, if it threw something else than this error after the loss. Of `run` alone. */
  readonly workError?: unknown;

  constructor(key: string, why: LossReason, how: string, options?: ErrorOptions & { workError?: unknown }) {
    super(`lock on "${key}" lost: ${how}`, key, options);
    this.why = why;
    if (options && "workError" in options) this.workError = options.workError;
  }
}

/**
 * Completes a loss with what is known later: what the work threw, or what the service answered.
 *
 * @internal
 */
export function completeLoss(
  lost: LockLostError,
  later: { readonly workError: unknown } | { readonly cause: LockLostError },
): LockLostError {
  return Object.assign(lost, later);
}

/**
 * A lock was lost, its lease has run out, and the work that runs under it has not ended: another holder may be at work
 * beside it. Written to the log by each `run`, told to `onError` of an election's `run`, and never thrown. Its `cause`
 * is the loss.
 */
export class WorkStillRunningError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "WORK_STILL_RUNNING";
  /** The name of the class. */
  override readonly name = "WorkStillRunningError";

  constructor(key: string, lostForMs: number, options?: ErrorOptions) {
    super(`work under "${key}" still runs ${Math.round(lostForMs / 1_000)} s after its lock was lost`, key, options);
  }
}

/**
 * The machine slept, and the lock is neither held nor lost until the renewal that follows is answered: within a second
 * or two, or by the deadline of the lease at the latest. Ask again then. It is not a loss: the signal has not aborted,
 * and the lock may be held again.
 */
export class LockUncertainError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "LOCK_UNCERTAIN";
  /** The name of the class. */
  override readonly name = "LockUncertainError";

  constructor(key: string) {
    super(`lock on "${key}" is uncertain: the machine slept, and no renewal was answered since`, key);
  }
}

/** The key cannot be the name of a blob, or the service would take it for the name of another blob. */
export class InvalidKeyError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "INVALID_KEY";
  /** The name of the class. */
  override readonly name = "InvalidKeyError";
}

/**
 * The service gave no answer, or one that leaves open whether it did what it was asked. Trying again later may help.
 */
export class StoreUnavailableError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "STORE_UNAVAILABLE";
  /** The name of the class. */
  override readonly name = "StoreUnavailableError";
  /** Whether the service answered at all (with a 503, say), as against a time-out, a reset or an unreachable host. */
  readonly answered: boolean;
  /** How long the service asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The host that was asked, with its port where that is not the usual one. Undefined if the store has no address. */
  readonly host: string | undefined;
  /** Why there was no answer, for a line that names key and host itself. Undefined if nothing is known. */
  readonly reason: string | undefined;

  constructor(message: string, key?: string, options: StoreUnavailableOptions = {}) {
    super(message, key, options);
    this.answered = options.answered ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.host = options.host;
    this.reason = options.reason;
  }
}

/** What is known of an outage, besides its message. */
export interface StoreUnavailableOptions extends ErrorOptions {
  /** Whether the service answered at all. Default: false. */
  answered?: boolean | undefined;
  /** How long the service asked to be left alone, in milliseconds. Default: it did not. */
  retryAfterMs?: number | undefined;
  /** The host that was asked. Default: undefined. */
  host?: string | undefined;
  /** Why there was no answer, in a few words. Default: undefined. */
  reason?: string | undefined;
}

/** Why access was denied. */
export type AccessDeniedWhy =
  /** The account's key, or the signature of the SAS, is wrong. */
  | "key"
  /** This machine's clock is more than ten minutes off, and a signature is good for a quarter of an hour. */
  | "clock"
  /** The SAS has expired. */
  | "sasExpired"
  /** The SAS is good from a later time on. */
  | "sasNotYetValid"
  /** A part of the SAS is missing, or cannot be read. */
  | "sasMalformed"
  /** The SAS is for other addresses, protocols, services or kinds of resource. */
  | "scope"
  /** The credentials lack a right. The message says which. */
  | "right"
  /** The account's network rules do not let this machine in. */
  | "network"
  /** The account takes no keys. */
  | "keysOff"
  /** The account is disabled. */
  | "account"
  /** There is no token, or the service does not take it. */
  | "token";

/** What is known of a denial, besides its message. */
export interface AccessDeniedOptions extends ErrorOptions {
  /** Why access was denied. Default: undefined. */
  why?: AccessDeniedWhy | undefined;
}

/**
 * The service, or the source of its tokens, refused the credentials or their permissions. The message says which of
 * both, as far as the service tells, and {@link AccessDeniedError.why} says it to programs. `azmutex doctor`, or
 * {@link AzureMutex.diagnose}, tells more.
 */
export class AccessDeniedError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "ACCESS_DENIED";
  /** The name of the class. */
  override readonly name = "AccessDeniedError";
  /** Why access was denied. Undefined if the service does not say: an answer to HEAD has no body. */
  readonly why: AccessDeniedWhy | undefined;

  constructor(message: string, key?: string, { why, ...options }: AccessDeniedOptions = {}) {
    super(message, key, options);
    this.why = why;
  }
}

/**
 * The service understood and refuses, and would refuse again: an immutability policy or a feature the account lacks,
 * say.
 */
export class StoreRefusedError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "STORE_REFUSED";
  /** The name of the class. */
  override readonly name = "StoreRefusedError";
}

/**
 * A package that azmutex needs is not installed, or is installed and cannot be loaded: one of its own dependencies is
 * missing, or it does not run on this version of Node. Its `cause` is what the load threw. Mend the installation, and
 * start the process again.
 */
export class SdkNotLoadedError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "SDK_NOT_LOADED";
  /** The name of the class. */
  override readonly name = "SdkNotLoadedError";
  /** Whether the package itself was not found, so that installing it helps. */
  readonly isMissing: boolean;

  constructor(message: string, { isMissing, ...options }: ErrorOptions & { isMissing: boolean }) {
    super(message, undefined, options);
    this.isMissing = isMissing;
  }
}

/** Two users of a semaphore state different numbers of permits. All must state the same. */
export class DifferingPermitsError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "DIFFERING_PERMITS";
  /** The name of the class. */
  override readonly name = "DifferingPermitsError";
  /** What this user states. */
  readonly stated: number;
  /** What the semaphore's slots say. */
  readonly found: number;

  constructor(key: string, stated: number, found: number) {
    super(`semaphore "${key}" has ${found} permits, not ${stated}: all its users must state the same number`, key);
    this.stated = stated;
    this.found = found;
  }
}

/**
 * The key is used as something else: a lock where its users have a semaphore, say. Locks, semaphores, reader-writer
 * locks and elections of one name do not exclude each other, so a key is used as one of them. Thrown by whatever takes
 * the key, and by {@link LeaderElection.leader} and `observe`. It stays so until the key's blob is deleted.
 */
export class KeyKindMismatchError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "KEY_KIND_MISMATCH";
  /** The name of the class. */
  override readonly name = "KeyKindMismatchError";
  /** What this user takes the key for. */
  readonly stated: KeyKind;
  /** What the key's blob says. Another version of azmutex may know more kinds. */
  readonly found: string;

  constructor(key: string, stated: KeyKind, found: string) {
    super(`"${key}" is used ${usedAs(found)}, not ${usedAs(stated)}: all its users must use it as the same`, key);
    this.stated = stated;
    this.found = found;
  }
}

function usedAs(kind: string): string {
  if (kind === ("once" satisfies KeyKind)) return "once per slot";
  return `as ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
}

/**
 * The slot is none of this key's: slots of one key are of one kind, and a date lies at most a minute ahead of the
 * service's clock. Nothing was run.
 */
export class OnceSlotError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "ONCE_SLOT";
  /** The name of the class. */
  override readonly name = "OnceSlotError";
}

/**
 * The record of the key's slots cannot be read: another program wrote it, or a newer version of azmutex. Nothing is run
 * until {@link Once.forget} has deleted it.
 */
export class OnceRecordError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "ONCE_RECORD";
  /** The name of the class. */
  override readonly name = "OnceRecordError";

  constructor(key: string, problem: string) {
    super(`the record of slots of "${key}" cannot be used: ${problem}`, key);
  }
}

/**
 * The mutex grants no locks: it is closed, or releases everything it holds. {@link AzureMutex.close},
 * {@link AzureMutex.releaseAll}.
 */
export class MutexClosedError extends MutexError {
  /** The code of this class of errors. It is the same in every copy of the package, where `instanceof` may fail. */
  readonly code = "MUTEX_CLOSED";
  /** The name of the class. */
  override readonly name = "MutexClosedError";
}

/** Every error of azmutex's own, so that `code` tells them apart and narrows the type. */
export type AnyMutexError =
  | LeaseAlreadyPresentError
  | NotHeldError
  | LockTimeoutError
  | DeadlockError
  | LockLostError
  | WorkStillRunningError
  | LockUncertainError
  | InvalidKeyError
  | StoreUnavailableError
  | AccessDeniedError
  | StoreRefusedError
  | SdkNotLoadedError
  | DifferingPermitsError
  | KeyKindMismatchError
  | OnceSlotError
  | OnceRecordError
  | MutexClosedError;

/**
 * Whether something thrown is one of azmutex's own errors, of this copy of the package or of another.
 *
 * @example
 * ```ts
 * try {
 *   await mutex.locker("migration").run((lock) => migrate(lock.signal), { timeoutMs: 30_000 });
 * } catch (error) {
 *   if (!isMutexError(error) || error.code !== "LOCK_TIMEOUT") throw error;
 *   console.log(`${error.key} is busy`);
 * }
 * ```
 */
export function isMutexError(thrown: unknown): thrown is AnyMutexError {
  return thrown instanceof Error && BRAND in thrown;
}

/**
 * A wrong value as an error message shows it: itself if it is short, its kind if not. An account's key, pasted into the
 * wrong option, is not short.
 */
export function shown(value: unknown): string {
  if (typeof value === "string")
    return value.length <= 63 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}
