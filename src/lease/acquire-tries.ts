import { isMutexError } from "../errors.ts";
import type { AcquireAnswer } from "../store/lease-store.ts";
import { LazySignal } from "../time/abort.ts";
import { settledWithin } from "../time/clock.ts";
import type { LockBlob } from "./lock-blob.ts";
import type { Linger, RequestOptions } from "./requests.ts";
import { isUnsure } from "./retry.ts";

/**
 * How long the service works on a request before it gives up, so how late an answer may come, in milliseconds.
 * https://learn.microsoft.com/rest/api/storageservices/setting-timeouts-for-blob-service-operations
 */
const SERVICE_TIMEOUT_MS = 30_000;

/**
 * The tries of one acquisition, and what they may still do. A try without an answer is open: the service may have
 * granted it, or may grant it yet. It lingers until its answer comes or the service has given it up.
 */
export class AcquireTries {
  /** A try is granted, however late. */
  readonly #onGranted: () => void;
  #open = 0;
  #wasGranted = false;
  #last: Promise<void> = Promise.resolve();
  /** Aborts the try that lingers. */
  #lingering: LazySignal | undefined;
  #isUnreachable = false;

  constructor(onGranted: () => void) {
    this.#onGranted = onGranted;
  }

  /** Whether a try is open, which would take the lease again if it arrived after the release. */
  get areOpen(): boolean {
    return this.#open > 0;
  }

  get wasGranted(): boolean {
    return this.#wasGranted;
  }

  /** How to send the next try. */
  next(signal: AbortSignal | undefined): RequestOptions<AcquireAnswer> {
    return { signal, onSent: (answer) => this.#onSent(answer), linger: () => this.#linger() };
  }

  /** Waits until the last try is settled, for one timeout of a request at most. */
  lastSettled({ clock, requestTimeoutMs }: LockBlob): Promise<void> {
    return settledWithin(clock, requestTimeoutMs, this.#last);
  }

  /** The service does not answer: no try lingers any more. */
  cut(): void {
    this.#isUnreachable = true;
    this.#lingering?.abort();
  }

  #onSent(answer: Promise<AcquireAnswer>): void {
    this.#open += 1;
    this.#last = answer.then(
      ({ kind }) => this.#settle(kind === "acquired"),
      (error) => {
        if (isMutexError(error) && !isUnsure(error)) this.#settle(false);
      },
    );
  }

  #settle(isGranted: boolean): void {
    this.#open -= 1;
    this.#wasGranted ||= isGranted;
    if (isGranted) this.#onGranted();
  }

  /**
   * At most one try lingers: while the service does not answer, each keeps a connection. One that is cut stays open all
   * the same.
   */
  #linger(): Linger {
    this.#lingering?.abort();
    const until = new LazySignal();
    this.#lingering = until;
    if (this.#isUnreachable) until.abort();
    return { ms: SERVICE_TIMEOUT_MS, until };
  }
}
