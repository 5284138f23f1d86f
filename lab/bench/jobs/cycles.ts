import { setMaxListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { PeerClient } from "../../shared/peers/src/peer.ts";
import { Line } from "../line.ts";

/** Takes the lock and gives it back, with nothing to do under it, again and again. */
export interface CyclesGiven {
  readonly key: string;
  /** How many want it at the same time. */
  readonly tasks: number;
  /** For how long, in milliseconds; or how often each task. */
  readonly until: { readonly ms: number } | { readonly cyclesOfEach: number };
}

export interface CyclesDone {
  /** From when the lock was asked for until it was given back, of each cycle. */
  readonly latenciesMs: readonly number[];
  readonly elapsedMs: number;
  /** Of the whole process. */
  readonly cpuMs: number;
  /** How often a task got the lock though another had asked before it. */
  readonly overtakings: number;
}

/** Tells of the end of the time: what happens after it is of those who still wait, and does not count. */
export async function run(client: PeerClient, given: unknown, tell: (event: unknown) => void): Promise<CyclesDone> {
  const { key, tasks, until } = given as CyclesGiven;
  const enough = new AbortController();
  // All tasks listen to it.
  setMaxListeners(0, enough.signal);
  const line = new Line();
  const latenciesMs: number[] = [];
  const began = performance.now();
  const cpu = process.cpuUsage();
  const cycle = async (): Promise<void> => {
    const asked = performance.now();
    const place = line.join();
    const enter = async (): Promise<void> => line.enter(place);
    await client.hold(key, enter, { signal: enough.signal }).finally(() => line.leave(place));
    if (enough.signal.aborted) return;
    latenciesMs.push(performance.now() - asked);
    // A critical section that never waits would keep the event loop from turning.
    if (latenciesMs.length % 100 === 0) await nextTurn();
  };
  const task = async (): Promise<void> => {
    for (let done = 0; "ms" in until ? !enough.signal.aborted : done < until.cyclesOfEach; done += 1) await cycle();
  };
  const running = Array.from({ length: tasks }, () => unlessAborted(task(), enough.signal));
  const all = Promise.all(running);
  if (!("ms" in until)) await all;
  else await Promise.race([all, new Promise((resolve) => setTimeout(resolve, until.ms))]);
  const elapsedMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const done = {
    latenciesMs: [...latenciesMs],
    elapsedMs,
    cpuMs: (user + system) / 1_000,
    overtakings: line.overtakings,
  };
  tell("over");
  enough.abort();
  // Those that still wait may be in the way of others later.
  await all;
  return done;
}

/** A wait that is still under way at the end is told to stop, and rejects with that. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
