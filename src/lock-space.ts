import { type Clock, type Sources, systemSources } from "./clock.ts";
import { type ConnectOptions, connect } from "./lease/connect.ts";
import { FencingTokens } from "./lease/fencing.ts";
import type { LeaseStore } from "./lease/lease-store.ts";
import type { LockBlob } from "./lease/lock-blob.ts";
import { RenewalTurns } from "./lease/renewal-turns.ts";
import { checkMs, DEFAULTS } from "./options.ts";
import { azureLog } from "./telemetry/azure-log.ts";
import { Telemetry, type TelemetryOptions } from "./telemetry/telemetry.ts";
import { endQuietly, type Hold, type LocalLease } from "./waiting/hold.ts";
import { LocalQueue } from "./waiting/local-queue.ts";

/** Where the locks are, and what is the same for all of them. */
export interface MutexOptions extends ConnectOptions {
  /** How long one request may take before it counts as unanswered, in milliseconds, at least 100. Default: 3,000. */
  tryTimeoutMs?: number;
  /** Takes a line for people whenever something happens that they may want to know. Never given a secret. Default: nothing. */
  log?: (message: string) => void;
  /** What OpenTelemetry is given, if an SDK of it is registered; nothing with false. Default: metrics, and spans that name their keys. */
  telemetry?: TelemetryOptions | false;
  /** The clock. Default: the machine's. For tests: `FakeClock` of `azmutex/testing`. */
  clock?: Clock;
  /** A number from 0 up to, but not including, 1, to spread retries and polls. Default: `Math.random`. */
  random?: () => number;
  /** A fresh lower-case UUID for each lease. Default: `crypto.randomUUID`. */
  newId?: () => string;
}

/** Which blob is meant. */
export interface BlobOf extends Pick<LockBlob, "key" | "metadata"> {
  /** Default: the key. */
  readonly name?: string;
}

/** What this process knows of one blob. */
export interface KnownKey {
  readonly blob: LockBlob;
  readonly queue: LocalQueue<LocalLease>;
  readonly tokens: FencingTokens;
}

/** How many keys that nobody here uses at the moment are remembered; forgetting one costs two requests when it is next locked. */
const MOST_IDLE_KEYS = 10_000;
/** So many holds may be remembered beyond their end before somebody looks which they are. */
const FEWEST_HOLDS = 64;

/**
 * A container of locks as this process sees it: the way to it, and what is known of each key. What lockers and recipes of one
 * space know, they share; it is what {@link AzureMutex} and all of them have in common.
 */
export class LockSpace {
  /** @internal */
  readonly store: LeaseStore;
  /** @internal */
  readonly tryTimeoutMs: number;
  /** @internal */
  readonly telemetry: Telemetry;
  readonly #sources: Sources;
  readonly #log: (message: string) => void;
  readonly #requests = { underWay: 0 };
  readonly #renewals: RenewalTurns;
  readonly #keys = new Map<string, KnownKey>();
  /** What this process holds of each key, and some of what it held. */
  readonly #holds = new Map<KnownKey, Hold>();
  #sweepAt = FEWEST_HOLDS;
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
    this.store = connect(options, options?.clock);
    const { tryTimeoutMs = DEFAULTS.tryTimeoutMs, log = () => undefined, telemetry, ...sources } = options;
    checkMs(tryTimeoutMs, "tryTimeoutMs", 100);
    if (typeof log !== "function") throw new TypeError("log must be a function");
    this.tryTimeoutMs = tryTimeoutMs;
    this.#log = log;
    this.#sources = {
      clock: sources.clock ?? systemSources.clock,
      random: sources.random ?? systemSources.random,
      newId: sources.newId ?? systemSources.newId,
    };
    this.telemetry = new Telemetry(telemetry, this.clock);
    this.#renewals = new RenewalTurns(this.clock);
  }

  /** @internal */
  get clock(): Clock {
    return this.#sources.clock;
  }

  /** @internal */
  get random(): () => number {
    return this.#sources.random;
  }

  /** @internal */
  static of(mutex: LockSpace | MutexOptions): LockSpace {
    return mutex instanceof LockSpace ? mutex : new LockSpace(mutex);
  }

  /** @internal */
  blob({ key, name = key, metadata }: BlobOf): LockBlob {
    const { clock, random, newId } = this.#sources;
    // Each by its name: what is spread has a shape of its own, and there may be very many.
    return {
      clock,
      random,
      newId,
      store: this.store,
      requests: this.#requests,
      renewals: this.#renewals,
      telemetry: this.telemetry,
      log: this.log,
      key,
      name,
      metadata,
    };
  }

  /** @internal */
  known(of: BlobOf): KnownKey {
    const { name = of.key } = of;
    const known = this.#keys.get(name) ?? { blob: this.blob(of), queue: new LocalQueue(), tokens: new FencingTokens() };
    // It moves to the young end of the map, so that the old end holds the ones not used for longest.
    this.#keys.delete(name);
    this.#keys.set(name, known);
    if (this.#keys.size > MOST_IDLE_KEYS) this.#forgetOldest();
    return known;
  }

  /** Whether a task of this process holds, or waits for, the lease of the blob. @internal */
  isBusy(name: string): boolean {
    return this.#keys.get(name)?.queue.busy ?? false;
  }

  /** A task of this process holds the lease. @internal */
  remember(known: KnownKey, hold: Hold): void {
    this.#holds.set(known, hold);
    if (this.#holds.size < this.#sweepAt) return;
    for (const key of this.#holds.keys()) if (!key.queue.busy) this.#holds.delete(key);
    this.#sweepAt = Math.max(FEWEST_HOLDS, 2 * this.#holds.size);
  }

  /** Whether nobody of this process holds or waits for anything, and nothing is sent for it. @internal */
  get isQuiet(): boolean {
    if (this.#requests.underWay > 0) return false;
    for (const { queue } of this.#keys.values()) if (queue.busy) return false;
    return true;
  }

  /** Gives back what this process holds. Never rejects: what it cannot tell the service lapses by itself. @internal */
  async letGo(): Promise<void> {
    const held = [...this.#holds].filter(([, hold]) => !hold.ended);
    await Promise.all(held.map(([{ blob }, hold]) => endQuietly(hold, blob.log, `the lock on "${blob.key}"`)));
  }

  #forgetOldest(): void {
    for (const [name, known] of this.#keys) {
      this.#keys.delete(name);
      if (known.queue.busy) this.#keys.set(name, known);
      return;
    }
  }
}
