import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { World } from "../../support/world.ts";

const HOUR_MS = 3_600_000;

/** A waiter for a lock that another process keeps. */
async function waiting() {
  const world = new World();
  const { mutex, store } = world.process();
  await world.memory.create("job", {});
  await world.memory.acquire("job", world.newId(), "infinite");
  const outcome: { error?: unknown } = {};
  mutex
    .locker("job")
    .lock()
    .catch((error: unknown) => {
      outcome.error = error;
    });
  await world.clock.advance(5_000);
  return { clock: world.clock, store, outcome };
}

describe("a waiter whose machine sleeps while a poll is under way", () => {
  it("goes on waiting: the service was not asked meanwhile, and is not silent", async () => {
    const { clock, store, outcome } = await waiting();
    store.hang("acquire", { times: 1 });
    await clock.advance(900);
    clock.suspend(HOUR_MS);
    await clock.advance(5_000);
    const polls = store.count("acquire");
    await clock.advance(30_000);
    expect(outcome.error).toBeUndefined();
    expect(store.count("acquire")).toBeGreaterThan(polls);
  });

  it("gives up when the service stays silent for 20 s after that", async () => {
    const { clock, store, outcome } = await waiting();
    store.hang("acquire");
    await clock.advance(900);
    clock.suspend(HOUR_MS);
    await clock.advance(18_000);
    expect(outcome.error).toBeUndefined();
    await clock.advance(6_000);
    expect(outcome.error).toBeInstanceOf(StoreUnavailableError);
  });
});
