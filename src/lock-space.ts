import { unlessAborted } from "./abort.ts";
import { type Clock, type Sources, sleep, systemSources } from "./clock.ts";
import type { Closing } from "./lease/closing.ts";
import { type ConnectOptions, connect } from "./lease/connect.ts";
import type { LeaseStore } from "./lease/lease-store.ts";
import { type BlobOf, LockBlob } from "./lease/lock-blob.ts";
import { MutexContext } from "./lease/mutex-context.ts";
import type { StandingLease } from "./lease/standing-lease.ts";
import type { StoreAddress } from "./lease/store-address.ts";
import { checkMs, DEFAULTS, type LeaseTerms } from "./options.ts";
import { checkRuntime } from "./runtime.ts";
import { azureLog } from "./telemetry/azure-log.ts";
import { Telemetry, type TelemetryOptions } from "./telemetry/telemetry.ts";
import type { Hold } from "./waiting/hold.ts";
import { type KeyState, KeyStates } from "./waiting/key-states.ts";

/** Where the locks are, and what is the same for all of them. */
export interface MutexOptions extends ConnectOptions {
  /** How long one request may take before it counts as unanswered, in milliseconds, at least 100. Default: 3,000. */
  tryTimeoutMs?: number | undefined;
  /** Takes a line for people whenever something happens that they may want to know. Never given a secret. Default: nothing. */
  log?: ((message: string) => void) | undefined;
  /** What OpenTelemetry is given, if an SDK of it is registered; nothing with false. Default: metrics, and spans that name their keys. */
  telemetry?: TelemetryOptions | false | undefined;
  /** The clock. Default: the machine's. For tests: `FakeClock` of `azmutex/testing`. */
  clock?: Clock | undefined;
  /** A number from 0 up to, but not including, 1, to spread retries and polls. Default: `Math.random`. */
  random?: (() => number) | undefined;
  /** A fresh lower-case UUID for each lease. Default: `crypto.randomUUID`. */
  newId?: (() => string) | undefined;
}

/** The options of `releaseAll` and `close`. */
export interface ReleaseAllOptions {
  /** The longest wait for the service, in milliseconds. Default: 5,000. A lease that is not released by then lapses by itself. */
  timeoutMs?: number | undefined;
}

const RELEASE_ALL_MS = 5_000;
/** The milliseconds between two looks whether everything is released. */
const LOOK_EVERY_MS = 20;
/** How many looks in a row must show a mutex idle: between two requests of one task there is a moment without any. */
const IDLE_LOOKS = 2;
/**
 * A container of locks as this process sees it: the way to it, and what is known of each key. What lockers and recipes of one
 * space know, they share; it is what {@link AzureMutex} and all of them have in common.
 */
export class LockSpace {
  /** @internal */
  readonly tryTimeoutMs: number;
  readonly #log: (message: string) => void;
  readonly #context: MutexContext;
  readonly #keys: KeyStates = new KeyStates();
  /** A log that throws must not cost anybody a lock. @internal */
  readonly log = (message: string): void => {
    azureLog("warning", message);
    try {
      this.#log(message);
    } catch {
      // There is nowhere to say so.
    }
  };

  constructor(options: MutexOptions) {
    checkRuntime();
    const store = connect(options, options?.clock);
    const { tryTimeoutMs = DEFAULTS.tryTimeoutMs, log = () => undefined, telemetry, ...given } = options;
    checkMs(tryTimeoutMs, "tryTimeoutMs", 100);
    if (typeof log !== "function") throw new TypeError("log must be a function");
    this.tryTimeoutMs = tryTimeoutMs;
    this.#log = log;
    const sources: Sources = {
      clock: given.clock ?? systemSources.clock,
      random: given.random ?? systemSources.random,
      newId: given.newId ?? systemSources.newId,
    };
    const measures = new Telemetry(telemetry, sources.clock);
    this.#context = new MutexContext({ store, sources, telemetry: measures, log: this.log });
  }

  /** @internal */
  get store(): LeaseStore {
    return this.#context.store;
  }

  /** @internal */
  get telemetry(): Telemetry {
    return this.#context.telemetry;
  }

  /** @internal */
  get closing(): Closing {
    return this.#context.closing;
  }

  /** Which account or host, and which container, the locks are in, for people; it has no secret. Undefined if the store does not say. */
  get address(): StoreAddress | undefined {
    return this.store.address;
  }

  /** @internal */
  get clock(): Clock {
    return this.#context.clock;
  }

  /** @internal */
  get random(): () => number {
    return this.#context.random;
  }

  /** @internal */
  static of(mutex: LockSpace | MutexOptions): LockSpace {
    return mutex instanceof LockSpace ? mutex : new LockSpace(mutex);
  }

  /** The blob, with the timeout of requests that a locker states. Default: the mutex's. @internal */
  blob(of: BlobOf, { tryTimeoutMs }: Pick<LeaseTerms, "tryTimeoutMs"> = this): LockBlob {
    return new LockBlob(this.#context, of, tryTimeoutMs);
  }

  /** What this process knows of a blob. @internal */
  keyState(of: BlobOf): KeyState {
    return this.#keys.of(of);
  }

  /** Whether a task of this process holds, or waits for, the lease of the blob. @internal */
  isBusy(name: string): boolean {
    return this.#keys.isBusy(name);
  }

  /** A task of this process holds the lease. @internal */
  remember(state: KeyState, hold: Hold): void {
    this.#keys.remember(state, hold);
  }

  /**
   * Releases everything that this mutex holds in this process: locks, permits, read locks, leadership, and leases of
   * {@link AzureMutex.acquire}. Calls that wait for a lock reject with `MutexClosedError`, and so do new ones until this call is
   * done; after it the mutex works as before. Resolves when the service has answered all releases, after `timeoutMs` at the latest.
   * A lease whose release got no answer by then lapses by itself, and the log says so. Costs the requests of the releases.
   *
   * **It does not wait for the work under these locks: work that still runs is no longer alone.** The signal of each hold aborts
   * with a `LockLostError` whose `why` is `released`, and `run` rejects with it. End the work first: close the server, await the job.
   *
   * @throws `RangeError` for a `timeoutMs` that is no number of milliseconds.
   */
  async releaseAll(options: ReleaseAllOptions = {}): Promise<void> {
    const { timeoutMs = RELEASE_ALL_MS } = options;
    checkMs(timeoutMs, "timeoutMs");
    const enough = new AbortController();
    const timer = this.clock.setTimer(timeoutMs, () => enough.abort(), { keepAlive: true });
    try {
      await this.releaseAllUntil(enough.signal);
    } catch {
      this.log(`not everything was released within ${timeoutMs} ms; what is held lapses by itself`);
    } finally {
      timer.cancel();
    }
  }

  /**
   * Releases everything, as {@link LockSpace.releaseAll} does, and grants no lock any more: calls that wait for one, and new ones,
   * reject with `MutexClosedError`. For the end of a program, or of a framework that has hooks for it. `inspect`, `list` and `break`
   * still work. A second call does the same again.
   *
   * **Work under these locks that still runs is no longer alone**: end it first.
   *
   * @throws `RangeError` for a `timeoutMs` that is no number of milliseconds.
   */
  async close(options: ReleaseAllOptions = {}): Promise<void> {
    this.closing.close();
    await this.releaseAll(options);
  }

  /** {@link LockSpace.close}, at the end of an `await using` block. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The same without a time-out of its own. Rejects with the signal's reason. @internal */
  async releaseAllUntil(signal: AbortSignal): Promise<void> {
    this.closing.refuse();
    try {
      await unlessAborted(this.releaseHolds(), signal);
      await untilIdle(this.clock, [this], signal);
    } finally {
      this.closing.reopen();
    }
  }

  /** Whether this process holds nothing, waits for nothing, and sends nothing. @internal */
  get isIdle(): boolean {
    return !this.#context.requests.areUnderWay && !this.#keys.areBusy;
  }

  /** The leases that this process has, or may have because a request is under way. @internal */
  get standing(): readonly StandingLease[] {
    return [...this.#context.standing];
  }

  /** Ends what this process holds; the signals of the holds abort. Never rejects: what is not answered lapses by itself. @internal */
  async releaseHolds(): Promise<void> {
    await this.#keys.revokeAll(this.log);
  }
}

/** Waits until all of them are idle. Rejects with the signal's reason. */
export async function untilIdle(clock: Clock, spaces: readonly LockSpace[], signal: AbortSignal): Promise<void> {
  for (let looks = 0; looks < IDLE_LOOKS; looks = spaces.every(({ isIdle }) => isIdle) ? looks + 1 : 0) {
    await sleep(clock, LOOK_EVERY_MS, { signal });
  }
}
