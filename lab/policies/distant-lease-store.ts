import type { Clock } from "azmutex";
import type { LeaseStore, StoreCall } from "azmutex/store";
import { RelayedStore, type StoreRequest } from "../shared/relayed-store.ts";

export interface Distance {
  readonly clock: Clock;
  /** How long the next request and its answer are on their way together, in milliseconds. */
  readonly nextRoundTripMs: () => number;
  /** Called when a lease on this key has been released, or changed to another id, in the store. */
  readonly onFreed: (key: string) => void;
}

/** What the answers to a release and to a change are that were carried out. */
const FREED: ReadonlySet<string> = new Set(["released", "changed"]);

/**
 * A store at the other end of a network, as one process sees it: a request takes half its round trip to arrive, its
 * answer the other half to come back. A call that is aborted rejects at once; the request is on its way and arrives all
 * the same.
 */
export class DistantLeaseStore extends RelayedStore {
  readonly #store: LeaseStore;
  readonly #distance: Distance;
  #requests = 0;

  constructor(store: LeaseStore, distance: Distance) {
    super();
    this.#store = store;
    this.#distance = distance;
  }

  /** How many requests were sent. */
  get requests(): number {
    return this.#requests;
  }

  protected override send<T>({ signal }: StoreCall = {}, { name, ask }: StoreRequest): Promise<T> {
    const serve = async (): Promise<T> => {
      const answer = await ask(this.#store);
      if (FREED.has(String((answer as { kind?: string } | undefined)?.kind))) this.#distance.onFreed(name);
      return answer as T;
    };
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#requests += 1;
    const oneWayMs = this.#distance.nextRoundTripMs() / 2;
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const answered = (async () => {
        await this.#pass(oneWayMs);
        const [answer] = await Promise.allSettled([serve()]);
        await this.#pass(oneWayMs);
        if (answer.status === "rejected") throw answer.reason;
        return answer.value;
      })();
      answered.then(resolve, reject).finally(() => signal?.removeEventListener("abort", abort));
    });
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#distance.clock.setTimer(ms, resolve));
  }
}
