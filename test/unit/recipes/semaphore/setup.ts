import { type Permit, Semaphore, type SemaphoreOptions } from "../../../../src/recipes/semaphore/semaphore.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { World } from "../../../support/world.ts";

export const LEASE_MS = 30_000;
/** Between two polls of a task that has waited for a while: at most. */
export const POLL_MS = 850;

export function setup(options: SemaphoreOptions) {
  const world = new World();
  const process = (random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return { store, mutex, semaphore: new Semaphore(mutex, "jobs", options) };
  };
  const release = (permits: readonly (Permit | undefined)[]) =>
    world.until(Promise.all(permits.map((permit) => permit?.release())));
  const acquireAll = (semaphore: Semaphore, count: number) =>
    world.until(Promise.all(Array.from({ length: count }, () => semaphore.acquire())));
  return { world, clock: world.clock, process, release, acquireAll, here: process(), there: process() };
}

export const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);
