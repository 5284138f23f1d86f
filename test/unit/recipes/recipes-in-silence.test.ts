import { describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { StoreUnavailableError } from "../../../src/errors.ts";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { World } from "../../support/world.ts";

const UNREACHABLE_AFTER_MS = 20_000;
const TRY_TIMEOUT_MS = 3_000;
const TASKS = 5;

const WAYS: readonly (readonly [string, (mutex: AzureMutex) => Promise<unknown>])[] = [
  ["a lock", (mutex) => mutex.locker("job").lock()],
  ["a permit", (mutex) => new Semaphore(mutex, "job", { permits: 2 }).acquire()],
  ["a permit, in a fair queue", (mutex) => new Semaphore(mutex, "job", { permits: 2, fair: true }).acquire()],
  ["a read lock", (mutex) => new ReaderWriterLock(mutex, "job").read.lock()],
  ["a write lock", (mutex) => new ReaderWriterLock(mutex, "job").write.lock()],
  ["several locks", (mutex) => takeAll(mutex, ["job", "other"])],
];

describe.each(WAYS)("tasks of one process that wait for %s while the service does not answer", (_what, ask) => {
  /** When each of them gave up. */
  async function givingUp() {
    const world = new World();
    const { mutex, store } = world.process();
    const silence = store.hang("all");
    const errors: unknown[] = [];
    const ends: number[] = [];
    let held = 0;
    for (let task = 0; task < TASKS; task += 1) {
      ask(mutex).then(
        () => {
          held += 1;
        },
        (error: unknown) => {
          errors.push(error);
          ends.push(world.clock.now());
        },
      );
    }
    const began = world.clock.now();
    return { clock: world.clock, silence, errors, endsMs: () => ends.map((end) => end - began), held: () => held };
  }

  it("all give up soon after the first, not as long after each other", async () => {
    const { clock, errors, endsMs } = await givingUp();
    await clock.advance(UNREACHABLE_AFTER_MS + TASKS * (TRY_TIMEOUT_MS + 1_000));
    expect(errors).toHaveLength(TASKS);
    for (const error of errors) expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(endsMs()[0]).toBeGreaterThanOrEqual(UNREACHABLE_AFTER_MS);
  });

  it("give up no more once it answers: the next in line gets it", async () => {
    const { clock, silence, errors, held } = await givingUp();
    while (errors.length === 0) await clock.advance(100);
    silence.heal();
    await clock.advance(20_000);
    expect(errors).toHaveLength(1);
    expect(held()).toBeGreaterThan(0);
  });
});
