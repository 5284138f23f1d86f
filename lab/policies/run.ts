import { AzureMutex, Locker } from "azmutex";
import { FakeClock, MemoryLeaseStore, MemoryWakeUps } from "azmutex/testing";
import { between, exponential, seeded } from "../shared/seeded.ts";
import type { Hold, RunRecord, Wait } from "../shared/waits/run-record.ts";
import { DistantLeaseStore } from "./distant-lease-store.ts";
import { policyNamed } from "./policy.ts";

/** What is simulated. Plain values, so that a run can be sent to another thread. */
export interface RunPlan {
  readonly processes: number;
  /** The mean: holds are drawn from an exponential distribution. */
  readonly holdMs: number;
  /** As {@link policyNamed} knows it. */
  readonly policy: string;
  readonly minutes: number;
  readonly roundTripMs: number;
  /** With wake-ups, how long a message is on its way, on average. Default: half a round trip. */
  readonly messageMs?: number;
  /** With wake-ups, the part of the messages that is lost. Default: none. */
  readonly lost?: number;
  readonly seed: number;
}

const KEY = "lock";
/** Between a release and the process's next `lock()`, on average; exponential, as the holds are. */
const THINK_MS = 100;
/** A round trip is up to this much shorter or longer than the mean. */
const ROUND_TRIP_SPREAD = 0.2;
/** All processes start within this time. */
const START_WITHIN_MS = 1_000;

/**
 * Runs the real locker on a store in memory, by a clock that skips to the next timer. The same plan comes to the same
 * record.
 */
export async function simulate(plan: RunPlan): Promise<RunRecord> {
  const run = new Run(plan);
  if (run.isWoken) await loadWakeUps();
  return await run.record();
}

/** Loads the code behind wake-ups, which comes with the first lock: later it would come at a time of the real clock. */
async function loadWakeUps(): Promise<void> {
  const mutex = new AzureMutex({ store: new MemoryLeaseStore(), wakeUps: new MemoryWakeUps() });
  await mutex.locker(KEY).run(() => undefined);
  await mutex.close();
}

class Run {
  readonly #plan: RunPlan;
  readonly #clock = new FakeClock();
  readonly #memory = new MemoryLeaseStore({ clock: this.#clock, containerExists: true });
  readonly #holds: (Hold & { freedAt: number | undefined })[] = [];
  readonly #waiting = new Set<Wait>();
  readonly #stores: DistantLeaseStore[] = [];
  readonly #nextHoldMs: () => number;
  readonly #wakeUps: MemoryWakeUps;
  #ids = 0;

  constructor(plan: RunPlan) {
    this.#plan = plan;
    // One source for all: the k-th hold of a run is as long under every policy, or chance would decide between them.
    const random = seeded(plan.seed, "holds");
    this.#nextHoldMs = () => exponential(plan.holdMs, random);
    const { lost = 0, messageMs = plan.roundTripMs / 2, seed } = plan;
    this.#wakeUps = new MemoryWakeUps({
      clock: this.#clock,
      random: seeded(seed, "messages"),
      delayMs: [messageMs * (1 - ROUND_TRIP_SPREAD), messageMs * (1 + ROUND_TRIP_SPREAD)],
      lost,
    });
  }

  get isWoken(): boolean {
    return policyNamed(this.#plan.policy).isWoken;
  }

  async record(): Promise<RunRecord> {
    const { processes, minutes } = this.#plan;
    const lives = Array.from({ length: processes }, (_, process) => this.#live(process));
    // They never end, unless something is wrong.
    await Promise.race([this.#clock.advance(minutes * 60_000), ...lives]);
    return {
      processes,
      endedAt: this.#clock.now(),
      holds: this.#holds,
      waiting: [...this.#waiting],
      requests: this.#stores.reduce((sum, store) => sum + store.requests, 0),
    };
  }

  /** A process wants the lock, holds it, thinks, and wants it again. */
  async #live(process: number): Promise<never> {
    const locker = this.#locker(process);
    const thoughts = this.#chance(process, "thoughts");
    await this.#pass(between(0, START_WITHIN_MS, this.#chance(process, "start")));
    for (;;) {
      const wait: Wait = { process, askedAt: this.#clock.now() };
      this.#waiting.add(wait);
      await locker.lock();
      this.#waiting.delete(wait);
      this.#holds.push({ ...wait, from: this.#clock.now(), freedAt: undefined });
      await this.#pass(this.#nextHoldMs());
      await locker.unlock();
      await this.#pass(exponential(THINK_MS, thoughts));
    }
  }

  #locker(process: number): Locker {
    const { policy, roundTripMs } = this.#plan;
    const network = this.#chance(process, "network");
    const store = new DistantLeaseStore(this.#memory, {
      clock: this.#clock,
      nextRoundTripMs: () => roundTripMs * between(1 - ROUND_TRIP_SPREAD, 1 + ROUND_TRIP_SPREAD, network),
      onFreed: (key) => this.#onFreed(process, key),
    });
    this.#stores.push(store);
    const mutex = new AzureMutex({
      store,
      clock: this.#clock,
      random: this.#chance(process, "library"),
      newId: () => this.#newId(),
      wakeUps: this.isWoken ? this.#wakeUps : undefined,
    });
    return new Locker(mutex, KEY, { holder: `process ${process + 1}`, ...policyNamed(policy).options });
  }

  /** Of the lock only, not of a ticket in its queue; and once, though a repeated change succeeds twice. */
  #onFreed(process: number, key: string): void {
    const hold = this.#holds.at(-1);
    if (key === KEY && hold?.process === process) hold.freedAt ??= this.#clock.now();
  }

  #chance(process: number, what: string): () => number {
    return seeded(this.#plan.seed, `${what} of process ${process}`);
  }

  #newId(): string {
    this.#ids += 1;
    return `00000000-0000-4000-8000-${this.#ids.toString(16).padStart(12, "0")}`;
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(ms, resolve));
  }
}
