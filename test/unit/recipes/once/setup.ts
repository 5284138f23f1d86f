import { onceRecordName } from "../../../../src/blobs/once-record.ts";
import type { Slot } from "../../../../src/blobs/once-slot.ts";
import { Once } from "../../../../src/recipes/once/once.ts";
import type { OnceOptions } from "../../../../src/recipes/once/once-options.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { World } from "../../../support/world.ts";

export const KEY = "nightly";
export const RECORD = onceRecordName(KEY);
/** What the service says it is when a test begins. */
export const BEGINNING = Date.UTC(2026, 0, 1);

export function setup(options: OnceOptions = {}) {
  const world = new World();
  const process = (own: OnceOptions = {}) => {
    const { store, mutex } = world.process();
    const once = new Once(mutex, KEY, { ...options, ...own });
    const log: string[] = [];
    const run = (slot: Slot, forMs = 100) =>
      once.run(slot, async (lock, { attempt }) => {
        log.push(`${slot} ${attempt}`);
        await sleep(world.clock, forMs, { signal: lock.signal });
        return "done";
      });
    const done = (slot: Slot) => world.until(run(slot));
    return { store, mutex, once, run, done, log };
  };
  const rewrite = async (metadata: Record<string, string>): Promise<void> => {
    await world.memory.putBlob(RECORD, { metadata });
  };
  return { world, clock: world.clock, process, rewrite, here: process(), there: process() };
}

export const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);
export const outcomeOf = (result: { readonly outcome: string }): string => result.outcome;
