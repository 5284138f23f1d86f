import { describe, expect, it } from "vitest";
import { LockLostError, WorkStillRunningError } from "../../../src/errors.ts";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import type { Leadership } from "../../../src/recipes/election/leadership.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { World } from "../../support/world.ts";

const MARGIN_MS = 5_000;
const MINUTE_MS = 60_000;
const FIRST = 'work under "job" still runs 5 s after its lock was lost';

type Run = (mutex: AzureMutex, work: (holding: Holding) => Promise<unknown>) => Promise<unknown>;

const RUNS: readonly (readonly [string, Run])[] = [
  ["a lock", (mutex, work) => mutex.locker("job").run(work)],
  ["a permit", (mutex, work) => new Semaphore(mutex, "job", { permits: 2 }).run(work)],
  ["a read lock", (mutex, work) => new ReaderWriterLock(mutex, "job").read.run(work)],
  ["a write lock", (mutex, work) => new ReaderWriterLock(mutex, "job").write.run(work)],
  ["leadership", (mutex, work) => new LeaderElection(mutex, "job").run(work, { onError: () => undefined })],
];

/** Work that takes no notice of the loss, until it is told to end. */
function working(run: Run) {
  const world = new World();
  const { mutex, store } = world.process();
  const state: { held?: Holding; end?: () => void } = {};
  const outcome: { error?: unknown } = {};
  const work = (holding: Holding): Promise<void> => {
    state.held = holding;
    return new Promise((resolve) => {
      state.end = resolve;
    });
  };
  run(mutex, work).catch((error: unknown) => {
    outcome.error = error;
  });
  const told = (): string[] => world.log.filter((line) => line.includes("still runs"));
  const lose = async (): Promise<void> => {
    await world.clock.advance(4_000);
    store.hang("all");
    await world.clock.advance(state.held?.remainingMs ?? Number.NaN);
    expect(state.held?.isHeld).toBe(false);
    store.heal();
  };
  return { world, clock: world.clock, mutex, store, state, outcome, told, lose };
}

describe.each(RUNS)("work under %s that goes on after a loss", (_what, run) => {
  it("is told of when the lease has run out, and each minute after, until it ends", async () => {
    const { clock, told, lose, state } = working(run);
    await lose();
    await clock.advance(MARGIN_MS - 1);
    expect(told()).toEqual([]);
    await clock.advance(1);
    expect(told()).toEqual([FIRST]);
    await clock.advance(10 * MINUTE_MS);
    expect(told()).toHaveLength(11);
    expect(told().at(-1)).toBe('work under "job" still runs 605 s after its lock was lost');
    state.end?.();
    await clock.advance(10 * MINUTE_MS);
    expect(told()).toHaveLength(11);
  });

  it("is not told of if it ends within the margin, nor while nothing is lost", async () => {
    const { clock, told, lose, state } = working(run);
    await clock.advance(10 * MINUTE_MS);
    await lose();
    await clock.advance(MARGIN_MS - 1);
    state.end?.();
    await clock.advance(10 * MINUTE_MS);
    expect(told()).toEqual([]);
  });

  it("is not told of once it has released what it lost: it knows", async () => {
    const { clock, told, lose, state } = working(run);
    await lose();
    await state.held?.release();
    await clock.advance(10 * MINUTE_MS);
    expect(told()).toEqual([]);
  });
});

describe.each(RUNS)("work under %s that goes on though its process has released everything", (_what, run) => {
  it("is told of as after a loss", async () => {
    const { world, clock, mutex, told, state } = working(run);
    await clock.advance(4_000);
    await world.until(mutex.releaseAll());
    await clock.advance(MARGIN_MS + MINUTE_MS);
    expect(told()).toEqual([FIRST, 'work under "job" still runs 65 s after its lock was lost']);
    state.end?.();
    await clock.advance(10 * MINUTE_MS);
    expect(told()).toHaveLength(2);
  });
});

describe("an election whose work hangs after a loss", () => {
  function hanging(onError?: (error: unknown) => void) {
    const stop = new AbortController();
    const leaderships: Leadership[] = [];
    const scene = working((mutex, work) =>
      new LeaderElection(mutex, "job").run(
        (leadership) => {
          leaderships.push(leadership);
          return work(leadership);
        },
        { signal: stop.signal, ...(onError && { onError }) },
      ),
    );
    return { ...scene, stop, leaderships };
  }

  it("tells onError with an error that names the loss, now and each minute", async () => {
    const errors: unknown[] = [];
    const { clock, lose, leaderships, state } = hanging((error) => void errors.push(error));
    await lose();
    await clock.advance(MARGIN_MS + MINUTE_MS);
    expect(errors).toHaveLength(2);
    for (const error of errors) expect(error).toBeInstanceOf(WorkStillRunningError);
    expect(errors[0]).toMatchObject({ code: "WORK_STILL_RUNNING", key: "job", message: FIRST });
    expect((errors[0] as Error).cause).toBeInstanceOf(LockLostError);
    expect(leaderships).toHaveLength(1);
    state.end?.();
    await clock.advance(MINUTE_MS);
    expect(leaderships).toHaveLength(2);
    expect(errors).toHaveLength(2);
  });

  it("also when it was asked to end before the loss", async () => {
    const errors: unknown[] = [];
    const { clock, lose, stop } = hanging((error) => void errors.push(error));
    await clock.advance(1_000);
    stop.abort("enough");
    await lose();
    await clock.advance(MARGIN_MS);
    expect(errors).toEqual([expect.any(WorkStillRunningError)]);
  });

  it("writes one line and not two without an onError", async () => {
    const { clock, lose, told } = hanging();
    await lose();
    await clock.advance(MARGIN_MS);
    expect(told()).toEqual([FIRST]);
  });

  it("rejects with what onError throws then, but not before the work has ended", async () => {
    const { clock, lose, state, outcome } = hanging((error) => {
      throw new Error("enough of that", { cause: error });
    });
    await lose();
    await clock.advance(MARGIN_MS + 5 * MINUTE_MS);
    expect(outcome.error).toBeUndefined();
    state.end?.();
    await clock.advance(1);
    expect(outcome.error).toEqual(new Error("enough of that"));
    await clock.advance(10_000);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("a minute of work after a loss", () => {
  it("counts the time in which the machine slept", async () => {
    const { clock, told, lose } = working((mutex, work) => mutex.locker("job").run(work));
    await lose();
    clock.suspend(MINUTE_MS);
    await clock.advance(MARGIN_MS);
    expect(told()).toEqual(['work under "job" still runs 65 s after its lock was lost']);
  });
});
