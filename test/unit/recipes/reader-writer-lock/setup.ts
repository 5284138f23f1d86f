import type { Holding } from "../../../../src/locks/holding.ts";
import { ReaderWriterLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import type { LockerOptions } from "../../../../src/waiting/locker-options.ts";
import { World } from "../../../support/world.ts";

export const LEASE_MS = 30_000;
export const RENEW_EVERY_MS = 10_000;
/** Between two polls of a task that has waited for a while: at most. */
export const POLL_MS = 850;
/** For how long the readers of a process let each other in without a look for writers. */
export const HAND_OVER_MS = 3_000;

export function setup(options: LockerOptions = {}) {
  const world = new World();
  const process = (random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return { store, mutex, lock: new ReaderWriterLock(mutex, "config", options) };
  };
  const read = (party: { lock: ReaderWriterLock }) => world.until(party.lock.read.lock());
  const write = (party: { lock: ReaderWriterLock }) => world.until(party.lock.write.lock());
  const cycle = async (held: Promise<Holding>): Promise<void> => {
    await world.until((await world.until(held)).release());
    await world.clock.advance(3_000);
  };
  return { world, clock: world.clock, process, read, write, cycle, here: process(), there: process() };
}

export const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);
