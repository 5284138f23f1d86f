import { type AnySignal, onAbort, unlessAborted } from "../abort.ts";
import { type Clock, Stopwatch, sleep } from "../clock.ts";
import { isMutexError, StoreUnavailableError, whyUnavailable } from "../errors.ts";
import { LONGEST_RETRY_DELAY_MS } from "../options.ts";
import type { LockBlob } from "./lock-blob.ts";

export interface AttemptOptions {
  /** For the error's message: `renew`, say. */
  readonly operation: string;
  /** How long to wait for the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the wait at once, with the signal's own reason. */
  readonly signal?: AnySignal | undefined;
  /**
   * How long the request itself outlives the wait for it, in milliseconds, unless `until` aborts before. Default: it does not.
   * An answer that nobody waits for any more still tells whether the service did what it was asked.
   */
  readonly linger?: Linger;
}

interface Linger {
  readonly ms: number;
  readonly until: AnySignal;
}

/**
 * One request with a time-out of its own, kept by our clock: the SDK has none, and a store may ignore its signal.
 * An answer after the time-out is dropped without a trace.
 */
export function attempt<T>(blob: LockBlob, ask: (signal: AbortSignal) => Promise<T>, options: AttemptOptions): Promise<T> {
  const preparing = blob.store.prepare?.();
  if (preparing === undefined) return askInTime(blob, ask, options);
  // Loading the SDK takes a machine that is short of processor time longer than a request may take.
  return unlessAborted(preparing, options.signal).then(() => askInTime(blob, ask, options));
}

function askInTime<T>(
  { clock, key, requests, store, telemetry }: LockBlob,
  ask: (signal: AbortSignal) => Promise<T>,
  { operation, timeoutMs, signal, linger }: AttemptOptions,
): Promise<T> {
  const answered = new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new AbortController();
    let waiting = true;

    const stopWaiting = (reason: unknown): void => {
      if (!waiting) return;
      settled();
      reject(reason);
      if (linger && !linger.until.aborted) stopLingering = abortLater(linger, reason);
      else request.abort(reason);
    };
    const abortLater = ({ ms, until }: Linger, reason: unknown): (() => void) => {
      const lingering = clock.setTimer(ms, () => request.abort(reason));
      const stopListening = onAbort(until, () => request.abort(reason));
      return () => {
        lingering.cancel();
        stopListening();
      };
    };
    let stopLingering = (): void => undefined;
    // After a stall of the event loop the answer may be there, waiting for its turn behind the timers.
    const noAnswer = () => {
      const host = store.address?.host;
      const from = host === undefined ? "" : ` from ${host}`;
      // A listing of everything is of no key.
      const what = key === "" ? operation : `${operation} of "${key}"`;
      return new StoreUnavailableError(`no answer to ${what}${from} within ${timeoutMs} ms`, key, { host });
    };
    const timer = clock.setTimer(timeoutMs, () => clock.nextTurn(() => stopWaiting(noAnswer())));
    const stopListening = onAbort(signal, () => stopWaiting(signal?.reason));
    const settled = (): void => {
      waiting = false;
      timer.cancel();
      stopListening();
      stopLingering();
    };
    // A store that throws instead of rejecting is no reason to leave a timer behind.
    const answer = (async () => ask(request.signal))();
    requests.underWay += 1;
    answer.then(resolve, reject).finally(() => {
      requests.underWay -= 1;
      settled();
    });
  });
  telemetry.sent(operation, answered, signal);
  return answered;
}

/** How often a request is sent before a caller who asked once is told that there is no answer. */
export const TRIES = 3;

/** How long the service has been silent, and when it has been for too long. Whoever asks nothing for a while learns nothing of it. */
export class Silence {
  readonly #clock: Clock;
  readonly #longestMs: number;
  /** Started just before the first request that went unanswered, or, if none did, before the last one. */
  #since: Stopwatch | undefined;
  #isFailing: boolean;

  /** One that goes on with what was before, if anything was. */
  constructor(clock: Clock, longestMs: number, before?: Silence) {
    this.#clock = clock;
    this.#longestMs = longestMs;
    this.#since = before ? before.#since : undefined;
    this.#isFailing = before ? before.#isFailing : false;
  }

  /** Another task has met a silence that goes on, perhaps for longer. */
  follow(before: Silence): void {
    if (!before.#isFailing) return;
    const isLonger = !this.#isFailing || (before.#since?.awakeMs ?? 0) > (this.#since?.awakeMs ?? 0);
    if (isLonger) this.#since = before.#since;
    this.#isFailing = true;
  }

  /** A request is about to be sent. The stopwatch is one that was started just now. */
  asks(now: Stopwatch = new Stopwatch(this.#clock)): void {
    if (!this.#isFailing) this.#since = now;
  }

  /** The service has answered. */
  broken(): void {
    this.#isFailing = false;
  }

  /** A request for the key has failed. Throws `StoreUnavailableError` if there was no answer for too long. */
  endure(error: StoreUnavailableError, key: string): void {
    this.#isFailing = !error.answered;
    // A machine that slept did not ask the service, so this is no silence.
    const elapsedMs = this.#since?.awakeMs ?? 0;
    if (error.answered || elapsedMs < this.#longestMs) return;
    const seconds = Math.round(elapsedMs / 1_000);
    const why = whyUnavailable(error);
    const { host } = error;
    const text = `waiting for "${key}": no answer from ${host ?? "the service"} for ${seconds} s${why === undefined ? "" : `: ${why}`}`;
    throw new StoreUnavailableError(text, key, { cause: error, host });
  }
}

/** Runs `tryOnce` again, so many times in all, while it is open what the service did. */
export async function untilAnswered<T>(
  { clock, random }: LockBlob,
  tryOnce: () => Promise<T>,
  signal?: AbortSignal,
  tries: number = TRIES,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await tryOnce();
    } catch (error) {
      if (!isUnsure(error) || failures === tries) throw error;
      await sleep(clock, retryDelayMs(failures, random), { signal });
    }
  }
}

const FIRST_RETRY_DELAY_MS = 200;

/** How long to rest after so many failed tries in a row: doubling, with half of it left to chance. */
export function retryDelayMs(failures: number, random: () => number): number {
  const longest = Math.min(LONGEST_RETRY_DELAY_MS, FIRST_RETRY_DELAY_MS * 2 ** (failures - 1));
  return longest * (0.5 + random() / 2);
}

/** Whether it is open what the service did, so that the same request may be sent again. */
export function isUnsure(thrown: unknown): thrown is StoreUnavailableError {
  return isMutexError(thrown) && thrown.code === "STORE_UNAVAILABLE";
}

/** For somebody who asked once, and was given what ran out before it could be used. */
export function lostUnused(
  key: string,
  { answered = true, ...options }: ErrorOptions & { answered?: boolean } = {},
): StoreUnavailableError {
  return new StoreUnavailableError(`"${key}" was granted, and lost before it could be used`, key, { answered, ...options });
}
