import { describe, expect, it } from "vitest";
import { LazySignal } from "../../../src/time/abort.ts";
import { LocalQueue } from "../../../src/waiting/local-queue.ts";

describe("the queue inside a process", () => {
  it("listens to the signal of a waiter only while it waits", async () => {
    const queue = new LocalQueue<never>();
    const first = queue.tryEnter();
    const admitted = new LazySignal();
    const givenUp = new LazySignal();
    const turn = queue.enterEmptyHanded(admitted as unknown as AbortSignal);
    const refused = expect(queue.enterEmptyHanded(givenUp as unknown as AbortSignal)).rejects.toBe("enough");
    expect([admitted.callbacks.size, givenUp.callbacks.size]).toEqual([1, 1]);
    givenUp.abort("enough");
    await refused;
    first?.leave();
    (await turn).leave();
    expect([admitted.callbacks.size, givenUp.callbacks.size]).toEqual([0, 0]);
    expect(queue.busy).toBe(false);
  });
});
