import { isMutexError, type StoreUnavailableError } from "../errors.ts";
import { Requests } from "../lease/requests.ts";
import { retry, retryDelayMs, TRIES } from "../lease/retry.ts";
import type { MutexTerms } from "../lease/terms.ts";
import type { LeaseStore } from "../store/lease-store.ts";
import type { Operation } from "../store/operation.ts";
import type { Sources } from "../time/clock.ts";

/** The longest pause that the service is granted before the next try, in milliseconds. */
const LONGEST_PAUSE_MS = 5_000;

/** A request that was not answered, or was turned away for now. */
export interface LostTry {
  readonly operation: Operation;
  /** Whether the service itself turned it away. */
  readonly isThrottled: boolean;
  readonly reason: string;
}

/** A request that was answered, after so many milliseconds. */
export interface AnsweredTry {
  readonly operation: Operation;
  readonly ms: number;
}

/** Sends the requests of a diagnosis: each has a time-out, and is repeated where it is open what was done. */
export class DoctorRequests {
  readonly #requests: Requests;
  readonly #sources: Sources;
  /** After so long a request counts as unanswered. */
  readonly timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  /** How long each answer took, in their order. */
  readonly answered: AnsweredTry[] = [];
  /** The tries that brought no answer, in their order. */
  readonly lost: LostTry[] = [];
  #sent = 0;

  constructor(store: LeaseStore, sources: Sources, { tryTimeoutMs }: MutexTerms, signal?: AbortSignal) {
    // Requests of a diagnosis are none of a lock's: they are not in its metrics.
    this.#requests = new Requests(store, sources.clock, { sent: () => undefined });
    this.#sources = sources;
    this.timeoutMs = tryTimeoutMs;
    this.#signal = signal;
  }

  /** How many were sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Rejects as the store does after three tries, or with the signal's reason. */
  ask<T>(operation: Operation, name: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return retry(this.#sources, () => this.once(operation, name, send) as Promise<T | number>, {
      signal: this.#signal,
      tries: TRIES,
      failed: (error: StoreUnavailableError, failures: number) =>
        Math.min(error.retryAfterMs ?? retryDelayMs(failures, this.#sources.random), LONGEST_PAUSE_MS),
    }) as Promise<T>;
  }

  /** One try. With `isCounted` false a failure is not taken for the network's. */
  async once<T>(
    operation: Operation,
    name: string,
    send: (signal: AbortSignal) => Promise<T>,
    { isCounted = true }: { readonly isCounted?: boolean } = {},
  ): Promise<T> {
    this.#sent += 1;
    const sentAt = this.#sources.clock.now();
    try {
      const target = { key: name, requestTimeoutMs: this.timeoutMs };
      const ask = (_: LeaseStore, signal: AbortSignal): Promise<T> => send(signal);
      const answer = await this.#requests.send(target, operation, ask, { signal: this.#signal });
      this.answered.push({ operation, ms: this.#sources.clock.now() - sentAt });
      return answer;
    } catch (error) {
      if (isCounted && isMutexError(error) && error.code === "STORE_UNAVAILABLE")
        this.lost.push({ operation, isThrottled: error.answered, reason: error.reason ?? error.message });
      throw error;
    }
  }
}
