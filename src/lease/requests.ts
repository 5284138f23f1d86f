import { StoreUnavailableError } from "../errors.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import { OPERATION_METRICS, OPERATION_WORDS, type Operation } from "../store/operation.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type AnySignal, onAbort, unlessAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";

/** What a request is about. */
export interface RequestTarget {
  /** The name of the lock, for people. Empty for a listing of everything. */
  readonly key: string;
  /** The name of the blob. Default: none; it is not about one. */
  readonly name?: string | undefined;
  /** How long to wait for the answer, in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** What a request waits for before it is sent; undefined if there is nothing. Never rejects. */
export type RequestGate = (operation: Operation, target: RequestTarget) => Promise<void> | undefined;

/** Calls the store. The signal aborts when the answer is not waited for any more. */
export type Ask<T> = (store: LeaseStore, signal: AbortSignal) => Promise<T>;

export interface SignalOption {
  /** Ends the wait at once, with the signal's own reason. */
  readonly signal?: AnySignal | undefined;
}

export interface RequestOptions<T = unknown> extends SignalOption {
  /**
   * Says for how long the request outlives the wait for its answer, when that ends. Default: it is aborted with the
   * wait. A late answer still tells whether the service did what it was asked.
   */
  readonly linger?: (() => Linger) | undefined;
  /** Called as the request is sent, with the service's answer, which may come after the wait has ended. */
  readonly onSent?: ((answer: Promise<T>) => void) | undefined;
}

export interface Linger {
  readonly ms: number;
  /** Aborts the request before that time. */
  readonly until: AnySignal;
}

/** Sends the requests of one mutex, each with a timeout of its own, and counts those under way. */
export class Requests {
  readonly #store: LeaseStore;
  readonly #clock: Clock;
  readonly #telemetry: Pick<Telemetry, "sent">;
  #gate: RequestGate | undefined;
  #underWay = 0;

  constructor(store: LeaseStore, clock: Clock, telemetry: Pick<Telemetry, "sent">) {
    this.#store = store;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  /** Whether a request is under way. Lingering requests, whose callers have stopped waiting, count too. */
  get areUnderWay(): boolean {
    return this.#underWay > 0;
  }

  /** From here on each request is sent after this. It has as long as it takes. */
  sendAfter(gate: RequestGate): void {
    this.#gate = gate;
  }

  /**
   * Sends one request. Rejects with `StoreUnavailableError` when no answer comes in time; the timeout is by our clock,
   * since the SDK has none and a store may ignore its signal. An answer after the wait is dropped.
   */
  send<T>(target: RequestTarget, operation: Operation, ask: Ask<T>, options: RequestOptions<T> = {}): Promise<T> {
    const preparing = this.#store.prepare?.() ?? this.#gate?.(operation, target);
    // Loading the SDK is not the service's time: on a busy machine it takes longer than a request may.
    if (preparing !== undefined)
      return unlessAborted(preparing, options.signal).then(() => this.send(target, operation, ask, options));
    const { signal, linger, onSent } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    let resolve: (answer: T) => void = () => undefined;
    let reject: (reason: unknown) => void = () => undefined;
    const answered = new Promise<T>((onAnswer, onFailure) => {
      resolve = onAnswer;
      reject = onFailure;
    });
    const request = new AbortController();
    let isWaiting = true;
    let stopLingering = (): void => undefined;

    const stopWaiting = (reason: unknown): void => {
      if (!isWaiting) return;
      settled();
      reject(reason);
      const lingering = linger?.();
      if (lingering && !lingering.until.aborted) stopLingering = this.#abortLater(request, lingering, reason);
      else request.abort(reason);
    };
    const onTimeout = (): void => stopWaiting(this.#noAnswer(target, operation));
    // After a stall of the event loop the answer may already be there, queued behind the timers.
    const timer = this.#clock.setTimer(target.requestTimeoutMs, () => this.#clock.nextTurn(onTimeout));
    const stopListening = onAbort(signal, () => stopWaiting(signal?.reason));
    const settled = (): void => {
      isWaiting = false;
      timer.cancel();
      stopListening();
      stopLingering();
    };
    let answer: Promise<T>;
    try {
      answer = ask(this.#store, request.signal);
    } catch (error) {
      // A store that throws instead of rejecting rejects, too.
      answer = Promise.reject(error);
    }
    onSent?.(answer);
    this.#underWay += 1;
    answer.then(resolve, reject).finally(() => {
      this.#underWay -= 1;
      settled();
    });
    this.#telemetry.sent(OPERATION_METRICS[operation], answered, signal);
    return answered;
  }

  #noAnswer({ key, requestTimeoutMs }: RequestTarget, operation: Operation): StoreUnavailableError {
    const host = this.#store.address?.host;
    const of = key === "" ? "" : ` of "${key}"`;
    const from = host === undefined ? "" : ` from ${host}`;
    const text = `no answer to ${OPERATION_WORDS[operation]}${of}${from} within ${requestTimeoutMs} ms`;
    return new StoreUnavailableError(text, key, { host });
  }

  /** Aborts the request when its linger time is over. Returns what cancels that. */
  #abortLater(request: AbortController, { ms, until }: Linger, reason: unknown): () => void {
    const timer = this.#clock.setTimer(ms, () => request.abort(reason));
    const stopListening = onAbort(until, () => request.abort(reason));
    return () => {
      timer.cancel();
      stopListening();
    };
  }
}
