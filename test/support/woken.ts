import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../src/locks/lock-space.ts";
import { type FaultyLeaseStore, MemoryWakeUps } from "../../src/testing/index.ts";
// Loaded before the clock of a test moves, so that a lock finds it at once.
import "../../src/waiting/wake-ups/mutex-wake-ups.ts";
import { seeded } from "../../lab/shared/seeded.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import type { WakeUps } from "../../src/waiting/wake-ups/wake-ups.ts";
import { World } from "./world.ts";

export const IDLE_MS = 5_000;

/** Processes whose waiters are woken over one channel in memory. */
export class WokenWorld extends World {
  readonly random = seeded(1, "woken world");
  readonly wakeUps = new MemoryWakeUps({ clock: this.clock, random: this.random, delayMs: [1, 5] });
  /** What was said, as `<topic> <message>`. */
  readonly said: string[] = [];

  /** Another process, on the channel or with one of its own. Each request takes 5 ms. */
  member(options: Partial<MutexOptions> = {}): { store: FaultyLeaseStore; mutex: AzureMutex } {
    const member = this.process({ random: this.random, wakeUps: this.channel, ...options });
    member.store.delay("all", 5);
    return member;
  }

  /** The channel, overheard. */
  get channel(): WakeUps {
    return {
      publish: (topic, message) => {
        this.said.push(`${topic} ${message}`);
        this.wakeUps.publish(topic, message);
      },
      subscribe: (topic, listener) => this.wakeUps.subscribe(topic, listener),
    };
  }

  /** The topic of the only key that was used. */
  get topic(): string {
    return this.said[0]?.split(" ")[0] ?? "";
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }
}

/** One hold: when it was asked for, got and given back. */
export interface Turn {
  readonly process: number;
  readonly askedAt: number;
  readonly from: number;
  readonly to: number;
}

/** So many processes take turns until all have had so many. */
export async function takeTurns(
  world: WokenWorld,
  mutexes: readonly AzureMutex[],
  { turns, holdMs, options }: { turns: number; holdMs: number; options?: LockerOptions },
): Promise<Turn[]> {
  const { clock } = world;
  const done: Turn[] = [];
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));
  const live = async (mutex: AzureMutex, process: number): Promise<void> => {
    const locker = mutex.locker("job", options);
    for (let turn = 0; turn < turns; turn += 1) {
      await pause(200 * world.random());
      const askedAt = clock.now();
      const lock = await locker.lock();
      const from = clock.now();
      await pause(holdMs * (0.5 + world.random()));
      const to = clock.now();
      await lock.release();
      done.push({ process, askedAt, from, to });
    }
  };
  await world.until(Promise.all(mutexes.map(live)), 3_600_000, 1_000);
  return done.sort((a, b) => a.from - b.from);
}
