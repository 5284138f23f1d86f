import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Locker } from "../../../src/locks/locker.ts";
import { MemoryLeaseStore } from "../../../src/testing/memory/memory-lease-store.ts";

/** From `Locker.lock` to the store, both included: what a reader has to step through. */
const MOST_FRAMES = 13;

/** Notes the calls between the store's `acquire` and `Locker.lock`. */
class Watched extends MemoryLeaseStore {
  readonly frames: string[][] = [];

  override acquire(...call: Parameters<MemoryLeaseStore["acquire"]>): ReturnType<MemoryLeaseStore["acquire"]> {
    const frames = (new Error("for its stack").stack ?? "")
      .split("\n")
      .filter((line) => /^ +at (?!.*node:)/.test(line));
    this.frames.push(frames.slice(0, frames.findIndex((line) => line.includes("Locker.lock")) + 1));
    return super.acquire(...call);
  }
}

describe("the way of lock() to the store", () => {
  const before = Error.stackTraceLimit;
  beforeEach(() => {
    Error.stackTraceLimit = 100;
  });
  afterEach(() => {
    Error.stackTraceLimit = before;
  });

  it(`takes at most ${MOST_FRAMES} calls`, async () => {
    const store = new Watched({ containerExists: true });
    await store.create("job", {});
    const lock = await new Locker({ store }, "job").lock();
    await lock.release();
    const [frames = []] = store.frames;
    expect(frames.at(-1)).toContain("Locker.lock");
    expect(frames.length, frames.join("\n")).toBeLessThanOrEqual(MOST_FRAMES);
  });
});
