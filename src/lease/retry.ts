import { isMutexError, StoreUnavailableError } from "../errors.ts";
import type { AnySignal } from "../time/abort.ts";
import { type Clock, type Sources, Stopwatch, sleep } from "../time/clock.ts";
import { LONGEST_RETRY_DELAY_MS } from "./terms.ts";

/** How often a request is sent before a single call fails for lack of an answer. */
export const TRIES = 3;

const FIRST_RETRY_DELAY_MS = 200;

/** How often each request of a call is sent until it is answered, and what ends the call. */
export interface Tries {
  readonly signal: AbortSignal | undefined;
  readonly tries: number;
}

/** What a loop of tries does between two of them, and when it ends. Everything has a default. */
export interface RetryPolicy<E = StoreUnavailableError> {
  /** Ends the pauses at once, with the signal's own reason. */
  readonly signal?: AnySignal | undefined;
  /** Whether the process stays alive for a pause. Default: true. */
  readonly keepAlive?: boolean | undefined;
  /** The most tries in a row that may fail. Default: any number. */
  readonly tries?: number | undefined;
  /** Whether another try may follow this failure. Default: after those that leave open what the service did. */
  isRepeated?(error: unknown): boolean;
  /** Called before each try. */
  begin?(): void;
  /** Called when a try was answered, and another one is to follow. */
  answered?(): void;
  /**
   * Called with each failure, and how many there were in a row. Returns how long to pause, in milliseconds; throws to
   * end the loop. Default: {@link retryDelayMs}.
   */
  failed?(error: E, failures: number): number;
  /** Pauses. Default: sleeps, unless there is nothing to wait for. */
  pause?(ms: number): Promise<void> | undefined;
}

/**
 * Tries until a try brings something. A try that is answered with a number is followed by another one after so many
 * milliseconds; one that fails, as the policy says. `failures` counts the failures in a row before the try.
 *
 * Rejects with an error that is not repeated, with the last one when all tries are used up, or with the signal's
 * reason.
 */
export async function retry<T, E = StoreUnavailableError>(
  { clock, random }: Pick<Sources, "clock" | "random">,
  tryOnce: (failures: number) => Promise<T | number>,
  policy: RetryPolicy<E> = {},
): Promise<T> {
  const { signal, keepAlive, tries = Number.POSITIVE_INFINITY } = policy;
  for (let failures = 0; ; ) {
    let pauseMs: number;
    policy.begin?.();
    try {
      const outcome = await tryOnce(failures);
      if (typeof outcome !== "number") return outcome;
      failures = 0;
      policy.answered?.();
      pauseMs = outcome;
    } catch (error) {
      const isRepeated = policy.isRepeated ? policy.isRepeated(error) : isUnsure(error);
      failures += 1;
      if (!isRepeated || failures >= tries) throw error;
      pauseMs = policy.failed?.(error as E, failures) ?? retryDelayMs(failures, random);
    }
    if (policy.pause) await policy.pause(pauseMs);
    else if (pauseMs > 0) await sleep(clock, pauseMs, { signal, keepAlive });
  }
}

/**
 * Repeats what has to meet a request that may still be on its way: after one timeout, then at intervals that treble,
 * until it says that it is over, or `forMs` have passed. Keeps no process alive.
 */
export async function repeat(
  { clock, requestTimeoutMs }: { readonly clock: Clock; readonly requestTimeoutMs: number },
  isOver: () => Promise<boolean>,
  forMs: number,
  since: Stopwatch = new Stopwatch(clock),
): Promise<void> {
  for (let waitMs = requestTimeoutMs; ; waitMs *= 3) {
    const pauseMs = Math.max(requestTimeoutMs, Math.min(waitMs, forMs - since.elapsedMs));
    await sleep(clock, pauseMs, { keepAlive: false });
    if ((await isOver()) || since.elapsedMs >= forMs) return;
  }
}

/** How long to pause after so many failures in a row, in milliseconds: doubling, with half of it left to chance. */
export function retryDelayMs(failures: number, random: () => number): number {
  const longest = Math.min(LONGEST_RETRY_DELAY_MS, FIRST_RETRY_DELAY_MS * 2 ** (failures - 1));
  return longest * (0.5 + random() / 2);
}

/** Whether it is open what the service did, so that the same request may be sent again. */
export function isUnsure(thrown: unknown): thrown is StoreUnavailableError {
  return isMutexError(thrown) && thrown.code === "STORE_UNAVAILABLE";
}

/** The error of a single try that was granted a lease which ran out before its use. */
export function expiredBeforeUse(
  key: string,
  { answered = true, ...options }: ErrorOptions & { answered?: boolean } = {},
): StoreUnavailableError {
  return new StoreUnavailableError(`"${key}" was granted, and lost before it could be used`, key, {
    answered,
    ...options,
  });
}
