import { describe, expect, it } from "vitest";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import type { Leadership } from "../../../src/recipes/election/leadership.ts";
import { World } from "../../support/world.ts";

/** Waits for the signal as Node's own functions do, which wrap its reason in an error of their own. */
function untilAborted({ signal }: Leadership): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () =>
      reject(Object.assign(new Error("The operation was aborted", { cause: signal.reason }), { name: "AbortError" }));
    signal.addEventListener("abort", onAbort);
  });
}

describe("work that does nothing but wait for its signal, as Node's functions do", () => {
  it("has not failed when leadership is lost: no error is told, and the candidate stands again at once", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    const told: unknown[] = [];
    const terms: number[] = [];
    const stop = new AbortController();
    const work = (leadership: Leadership): Promise<never> => {
      terms.push(leadership.term);
      return untilAborted(leadership);
    };
    const running = new LeaderElection(mutex, "office").run(work, {
      signal: stop.signal,
      onError: (error) => void told.push(error),
    });
    running.catch(() => undefined);
    await world.clock.advance(5_000);
    const hanging = store.hang("renew");
    await world.clock.advance(35_000);
    hanging.heal();
    await world.clock.advance(5_000);
    expect(terms).toHaveLength(2);
    expect(told).toEqual([]);
    stop.abort();
    await world.clock.advance(5_000);
    await expect(running).rejects.toBe(stop.signal.reason);
    expect(told).toEqual([]);
  });

  it("has failed when it is aborted by something else", async () => {
    const world = new World();
    const told: unknown[] = [];
    const stop = new AbortController();
    const aborted = Object.assign(
      new Error("The operation was aborted", { cause: new Error("a time-out of its own") }),
      {
        name: "AbortError",
      },
    );
    const running = new LeaderElection(world.process().mutex, "office").run(() => Promise.reject(aborted), {
      signal: stop.signal,
      onError: (error) => void told.push(error),
    });
    running.catch(() => undefined);
    await world.clock.advance(500);
    expect(told).toEqual([aborted]);
    stop.abort();
    await world.clock.advance(5_000);
    await expect(running).rejects.toBe(stop.signal.reason);
  });
});
