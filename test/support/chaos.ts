import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { FakeClock, FaultyLeaseStore, StoreOperation } from "../../src/testing/index.ts";
import { World } from "./world.ts";

/** Numbers from 0 up to 1, the same for the same seed. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const OPERATIONS: readonly StoreOperation[] = [
  "acquire",
  "renew",
  "release",
  "change",
  "create",
  "read",
  "writeMetadata",
  "remove",
  "list",
];

/** Every chaos is run without and with a fair queue: how the test's name goes on, and the option. */
export const QUEUES: readonly (readonly [name: string, fair: boolean])[] = [
  ["", false],
  [" in a fair queue", true],
];

/** A process of a {@link Chaos}, which may be going to die. */
export interface Mortal {
  readonly mutex: AzureMutex;
  readonly store: FaultyLeaseStore;
  readonly isDead: boolean;
  /** From now on nothing it sends arrives. */
  kill(): void;
  /** Runs a task of this process. Of the dead nothing is expected but that they keep to the rules. */
  run(task: () => Promise<void>): void;
}

/** Something broke a rule that holds whatever goes wrong. */
export class Violation extends Error {}

/**
 * A world in which everything goes wrong for a while, by a seed: processes die, requests are lost, late, doubled and
 * refused. Then all is well again, and all that live have to get through.
 */
export class Chaos {
  readonly world = new World();
  readonly random: () => number;
  readonly seed: number;
  readonly #processes: Mortal[] = [];
  readonly #doomed = new Set<Mortal>();
  readonly #finished: Promise<unknown>[] = [];
  readonly #violations: Violation[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.random = chance(seed);
  }

  get clock(): FakeClock {
    return this.world.clock;
  }

  /** A whole number from 0 up to, but not including, `n`. */
  upTo(n: number): number {
    return Math.floor(this.random() * n);
  }

  rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }

  /** How a task waits that, with so much probability, gives up within 5 s, or is aborted within 8. */
  waitOptions({ impatient, fickle }: { impatient: number; fickle: number }): {
    timeoutMs: number;
    signal: AbortSignal;
  } {
    const timeoutMs = this.random() < impatient ? 1 + this.upTo(5_000) : Number.POSITIVE_INFINITY;
    const stop = new AbortController();
    if (this.random() < fickle) this.clock.setTimer(this.upTo(8_000), () => stop.abort("changed its mind"));
    return { timeoutMs, signal: stop.signal };
  }

  /** Another process, behind a network of its own. With a `lifetimeMs` it dies then. */
  process({ lifetimeMs = Number.POSITIVE_INFINITY }: { lifetimeMs?: number } = {}): Mortal {
    const { store, mutex } = this.world.process({ random: this.random });
    store.delay("all", 1 + this.upTo(20));
    let isDead = false;
    const process: Mortal = {
      mutex,
      store,
      get isDead() {
        return isDead;
      },
      kill: () => {
        isDead = true;
        this.#doomed.add(process);
        store.hang("all");
      },
      run: (task) => {
        const running = task();
        if (this.#doomed.has(process)) running.catch((error) => this.#noteViolation(error));
        else this.#finished.push(running);
      },
    };
    this.#processes.push(process);
    if (lifetimeMs < Number.POSITIVE_INFINITY) {
      this.#doomed.add(process);
      this.clock.setTimer(lifetimeMs, () => process.kill());
    }
    return process;
  }

  /**
   * Two to four processes, each with one to so many tasks of this kind, until all who live have done. With `troubleMs`
   * everything goes wrong for so long, and one process in four dies meanwhile.
   */
  async crowd(
    { mostTasks, troubleMs }: { mostTasks: number; troubleMs: number },
    taskOf: (process: Mortal) => () => Promise<void>,
  ): Promise<void> {
    for (let processes = 2 + this.upTo(3); processes > 0; processes -= 1) {
      const process = this.process(troubleMs > 0 && this.random() < 0.25 ? { lifetimeMs: this.upTo(troubleMs) } : {});
      const task = taskOf(process);
      for (let tasks = 1 + this.upTo(mostTasks); tasks > 0; tasks -= 1) process.run(task);
    }
    if (troubleMs > 0) this.trouble(troubleMs);
    await this.finish(600_000);
  }

  /** Everything may go wrong from now on, for so long. */
  trouble(forMs: number): void {
    const endsAt = this.clock.now() + forMs;
    const next = (): void => {
      if (this.clock.now() > endsAt) {
        for (const process of this.#processes) if (!process.isDead) process.store.heal();
        return;
      }
      const { store } = this.#processes[this.upTo(this.#processes.length)] as Mortal;
      const operation = OPERATIONS[this.upTo(OPERATIONS.length)] as StoreOperation;
      const kind = this.upTo(5);
      if (kind === 0) store.failBefore(operation, { times: 1 + this.upTo(3), answered: this.random() < 0.5 });
      if (kind === 1) store.failAfter(operation, { times: 1 + this.upTo(3) });
      if (kind === 2) store.applyLate(operation, this.upTo(20_000), { times: 1 });
      if (kind === 3) store.hang(operation, { times: 1 });
      if (kind === 4) store.hangAfter(operation, { times: 1 });
      this.clock.setTimer(this.upTo(4_000), next);
    };
    this.clock.setTimer(0, next);
  }

  /** Looks every so often whether a rule holds: `broken` says how it does not. */
  watch(everyMs: number, broken: () => string | undefined): void {
    const look = (): void => {
      const how = broken();
      if (how) this.#violations.push(this.violation(how));
      else this.clock.setTimer(everyMs, look);
    };
    look();
  }

  violation(how: string): Violation {
    return new Violation(`seed ${this.seed}, at ${this.clock.now()} ms: ${how}`);
  }

  /** Waits until everybody who lives is through. Throws the first violation. */
  async finish(withinMs: number): Promise<void> {
    // The moment is not asked for, and looking every few milliseconds whether it has come takes longer than all else.
    await this.world.until(Promise.all(this.#finished), withinMs, 1_000).catch((error) => {
      throw error instanceof Violation ? error : this.violation(String(error));
    });
    const [first] = this.#violations;
    if (first) throw first;
  }

  #noteViolation(error: unknown): void {
    if (error instanceof Violation) this.#violations.push(error);
  }
}
