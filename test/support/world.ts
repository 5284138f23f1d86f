import "./loaded-before.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../src/locks/lock-space.ts";
import { RESERVED_PREFIX } from "../../src/store/azure/blob-name.ts";
import type { StoredBlob } from "../../src/store/lease-store.ts";
import { FaultyLeaseStore, MemoryLeaseStore } from "../../src/testing/index.ts";
import { WatchedClock } from "./watched-clock.ts";

/** For processes whose first renewal is due when all the others are: after the whole of `renewEveryMs`. */
export const FIRST_RENEWAL_LAST = Object.freeze({ random: (): number => 0 });

/** A service and processes that use it, all in memory and by one clock that only the test moves. */
export class World {
  readonly clock = new WatchedClock();
  readonly memory = new MemoryLeaseStore({ clock: this.clock, containerExists: true });
  readonly log: string[] = [];
  #ids = 0;

  /** Another process: a mutex of its own, behind a network of its own. */
  process(options: Partial<MutexOptions> = {}): { store: FaultyLeaseStore; mutex: AzureMutex } {
    const store = new FaultyLeaseStore(this.memory, { clock: this.clock });
    const mutex = new AzureMutex({
      store,
      clock: this.clock,
      random: () => 0.5,
      newId: () => this.newId(),
      log: (line) => this.log.push(line),
      ...options,
    });
    return { store, mutex };
  }

  /** Each another, in no order: tickets of one second sort by their ids, and real ids have none. */
  newId(): string {
    this.#ids += 1;
    const scattered = Math.imul(this.#ids, 0x9e3779b1) >>> 0;
    return `${scattered.toString(16).padStart(8, "0")}-0000-4000-8000-${String(this.#ids).padStart(12, "0")}`;
  }

  /**
   * Lets time pass until the promise is settled, up to `stepMs` longer, and gives what it came to. Fails after
   * `withinMs`.
   */
  async until<T>(promise: Promise<T>, withinMs = 120_000, stepMs = 10): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    const start = this.clock.now();
    await this.clock.settle();
    while (!settled) {
      if (this.clock.now() - start >= withinMs) throw new Error(`nothing came of it within ${withinMs} ms`);
      await this.clock.advance(stepMs);
    }
    return promise;
  }

  /** The lease state that the service shows. */
  async leaseState(key: string): Promise<string> {
    const found = await this.memory.read(key);
    return found.kind === "found" ? found.blob.leaseState : "missing";
  }

  /** What there is of tickets, slots and readers, by any process. */
  async helperBlobs(): Promise<StoredBlob[]> {
    const found: StoredBlob[] = [];
    for await (const blob of this.memory.list(RESERVED_PREFIX)) found.push(blob);
    return found;
  }

  /** Some other process takes the lease, if it is free, and keeps it for 15 s. */
  async stranger(key: string): Promise<"acquired" | "held" | "missing"> {
    return (await this.memory.acquire(key, this.newId(), 15)).kind;
  }
}
