import { describe, expect, it } from "vitest";
import { LockLostError } from "../../../../src/errors.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { setup } from "./setup.ts";

describe("release", () => {
  it("does nothing the second time, also when another holds the key by then", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    await first.release();
    const second = await world.until(locker.lock());
    await first.release();
    await first[Symbol.asyncDispose]();
    expect(second.isHeld).toBe(true);
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("takes a lock that is another's by now for done", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.lock());
    await world.memory.break("job", { periodSeconds: 0 });
    await world.stranger("job");
    await lock.release();
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("is done by await using at the end of the block, and what goes wrong there hides nothing", async () => {
    const { world, store, locker } = setup();
    store.failBefore("release");
    const work = async () => {
      await using lock = await locker.lock();
      lock.assertHeld();
      throw new Error("the work's own");
    };
    await expect(world.until(work())).rejects.toThrow("the work's own");
  });
});

describe("run", () => {
  it("resolves with what the work resolves with, and gives the lock back", async () => {
    const { world, locker } = setup();
    expect(await world.until(locker.run((lock) => lock.isHeld))).toBe(true);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("rejects with what the work throws, even if the release fails too", async () => {
    const { world, store, locker } = setup();
    store.failBefore("release");
    const work = locker.run(() => {
      throw new Error("the work's own");
    });
    await expect(world.until(work)).rejects.toThrow("the work's own");
  });

  it("keeps the work's result if only the release fails, and logs that", async () => {
    const { world, store, locker } = setup();
    store.failBefore("release");
    expect(await world.until(locker.run(() => 42))).toBe(42);
    expect(world.log.join("\n")).toContain('the lock on "job" could not be released');
  });

  it("rejects with LockLostError if the lock was lost, even if the work did not notice", async () => {
    const { world, clock, store, locker } = setup();
    const running = locker.run(() => sleep(clock, 26_000));
    const caught = expect(running).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
    await clock.settle();
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    await world.until(caught);
  });

  it("rejects with the very error of the signal if that is what the work threw", async () => {
    const { world, clock, store, locker } = setup();
    const running = locker.run(
      (lock) => new Promise((_, reject) => lock.signal.addEventListener("abort", () => reject(lock.signal.reason))),
    );
    const caught = running.catch((error: unknown) => error);
    await clock.settle();
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    const error = await world.until(caught);
    expect(error).toBeInstanceOf(LockLostError);
    expect((error as LockLostError).workError).toBeUndefined();
  });

  it("keeps what else the work threw after the loss as workError", async () => {
    const { world, clock, store, locker } = setup();
    const running = locker.run(
      (lock) => new Promise((_, reject) => lock.signal.addEventListener("abort", () => reject(new Error("half done")))),
    );
    const caught = running.catch((error: unknown) => error);
    await clock.settle();
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    expect(await world.until(caught)).toMatchObject({ code: "LOCK_LOST", workError: new Error("half done") });
  });

  it("releases after the caller's signal has aborted", async () => {
    const { world, locker } = setup();
    const stop = new AbortController();
    const running = locker.run(
      () => {
        stop.abort();
        return "finished all the same";
      },
      { signal: stop.signal },
    );
    expect(await world.until(running)).toBe("finished all the same");
    expect(await world.leaseState("job")).toBe("available");
  });

  it("may be given back by the work itself", async () => {
    const { world, locker } = setup();
    expect(
      await world.until(
        locker.run(async (lock) => {
          await lock.release();
          return "early";
        }),
      ),
    ).toBe("early");
  });
});
