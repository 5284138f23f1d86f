import type { LeaseStore, StoreCall } from "azmutex/store";
import { MemoryLeaseStore } from "azmutex/testing";
import { RelayedStore, type StoreRequest } from "../shared/relayed-store.ts";
import { quantileOfSorted } from "../shared/statistics.ts";
import type { LagFigures } from "./scale-orders.ts";

/**
 * A memory store to which every request of a locker is under way for one round trip. One timer each: the cost is to be
 * the mutex's.
 */
export class SlowMemoryStore extends RelayedStore {
  readonly #memory = new MemoryLeaseStore({ containerExists: true });
  readonly #roundTripMs: number;

  constructor(roundTripMs: number) {
    super();
    this.#roundTripMs = roundTripMs;
  }

  protected override send<T>(_call: StoreCall | undefined, { ask }: StoreRequest): Promise<T> {
    return new Promise((resolve, reject) => {
      setTimeout(() => (ask(this.#memory) as Promise<T>).then(resolve, reject), this.#roundTripMs);
    });
  }
}

const BUCKET_MS = 100;
/** Where the number of a key begins in its name. */
const DIGITS_FROM = "key-".length;

export function keyOf(n: number): string {
  return `key-${n}`;
}

/**
 * When each renewal was sent, and when it was due: `renewEveryMs` after the last one that was granted was sent. Of the
 * first one only its lock knows when it is due. Everything has its room from the start, so that looking on costs no
 * memory while it is measured.
 */
export class RenewalWatch {
  readonly #renewEveryMs: number;
  /** 0 before the first renewal. */
  readonly #renewedAt: Float64Array;
  readonly #lags: Float32Array;
  readonly #buckets: Uint32Array;
  readonly #began = performance.now();
  #renewals = 0;
  #timed = 0;
  #requests = 0;
  #fullFrom = 0;

  constructor({ count, renewEveryMs, longestMs }: { count: number; renewEveryMs: number; longestMs: number }) {
    this.#renewEveryMs = renewEveryMs;
    this.#renewedAt = new Float64Array(count);
    this.#lags = new Float32Array(count * (Math.ceil(longestMs / renewEveryMs) + 1));
    this.#buckets = new Uint32Array(Math.ceil(longestMs / BUCKET_MS) + 1);
  }

  /** Replaces two methods of the store. */
  lookOn(store: LeaseStore): void {
    const acquire = store.acquire.bind(store);
    const renew = store.renew.bind(store);
    store.acquire = (...given) => {
      this.#requests += 1;
      return acquire(...given);
    };
    store.renew = (key, ...given) => {
      this.#requests += 1;
      const sentAt = performance.now();
      this.#noteRenewal(key, sentAt);
      return renew(key, ...given).then((answer) => {
        if (answer.kind === "renewed") this.#renewedAt[numberIn(key)] = sentAt;
        return answer;
      });
    };
  }

  /** From here on everything is held: how evenly requests are spread, and how many there are, is counted from now. */
  begin(): void {
    this.#fullFrom = this.#bucketNow() + 1;
    this.#requests = 0;
  }

  get requests(): number {
    return this.#requests;
  }

  get renewals(): number {
    return this.#renewals;
  }

  get lagMs(): LagFigures {
    const lags = this.#lags.slice(0, this.#timed).sort();
    if (lags.length === 0) return { p50: 0, p99: 0, most: 0 };
    return { p50: quantileOfSorted(lags, 0.5), p99: quantileOfSorted(lags, 0.99), most: lags.at(-1) ?? 0 };
  }

  /** The most renewals in any tenth of a second, and the mean. */
  get atOnce(): { readonly most: number; readonly mean: number } {
    const full = this.#buckets.subarray(this.#fullFrom, this.#bucketNow());
    if (full.length === 0) return { most: 0, mean: 0 };
    return {
      most: full.reduce((most, one) => Math.max(most, one), 0),
      mean: full.reduce((sum, one) => sum + one, 0) / full.length,
    };
  }

  #bucketNow(): number {
    return Math.floor((performance.now() - this.#began) / BUCKET_MS);
  }

  #noteRenewal(key: string, sentAt: number): void {
    this.#renewals += 1;
    const before = this.#renewedAt[numberIn(key)] ?? 0;
    if (before > 0 && this.#timed < this.#lags.length) {
      this.#lags[this.#timed] = sentAt - before - this.#renewEveryMs;
      this.#timed += 1;
    }
    const bucket = this.#bucketNow();
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }
}

function numberIn(key: string): number {
  return Number(key.slice(DIGITS_FROM));
}
