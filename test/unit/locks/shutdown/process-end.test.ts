import { describe, expect, it } from "vitest";
import { releaseOnSignals, spacesIn } from "../../../../src/locks/shutdown/release-on-signals.ts";
import { type ReleaseOnSignalsOptions, Shutdown } from "../../../../src/locks/shutdown/shutdown.ts";
import { takeOneOfEach } from "../../../support/one-of-each.ts";
import { World } from "../../../support/world.ts";
import { ENDED, FakeProcess, setup } from "./fake-process.ts";

describe("a process that is asked to end", () => {
  it("while nothing is held ends at once, by that signal", async () => {
    const { world, host, shutdown } = setup();
    host.raise("SIGTERM");
    expect(shutdown.signal.aborted).toBe(true);
    expect(shutdown.signal.reason).toMatchObject({
      name: "AbortError",
      message: "the process was asked to end by SIGTERM",
    });
    await world.clock.advance(50);
    expect(host.ends).toEqual(ENDED);
    expect(host.listens).toBe(0);
  });

  it("goes on for as long as its work does, and ends when the work's lock is released", async () => {
    const { world, mutex, host, shutdown } = setup();
    let finish = (): void => undefined;
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const running = mutex.locker("job").run(() => work);
    await world.clock.advance(100);
    host.raise("SIGTERM");
    await world.clock.advance(5_000);
    expect(host.ends).toEqual([]);
    expect(await world.leaseState("job")).toBe("leased");
    finish();
    await world.clock.advance(100);
    await running;
    expect(await world.leaseState("job")).toBe("available");
    expect(host.ends).toEqual(ENDED);
    await shutdown[Symbol.asyncDispose]();
  });

  it("releases nothing of work that does not end: when its grace is over it ends, and the lock lapses", async () => {
    const { world, mutex, store, host } = setup({ graceMs: 8_000 });
    const lock = await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    await world.clock.advance(7_900);
    expect(host.ends).toEqual([]);
    await world.clock.advance(200);
    expect(host.ends).toEqual(ENDED);
    expect(lock.isHeld).toBe(true);
    expect(store.count("release")).toBe(0);
    expect(world.log).toEqual(["SIGTERM: not everything was released within 8000 ms; what is held lapses by itself"]);
  });

  it("releases what is held, of whatever kind, once stopWork says that all work has ended", async () => {
    let finish = (): void => undefined;
    const stopped: string[] = [];
    const { world, mutex, host } = setup({
      stopWork: (name) => {
        stopped.push(name);
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    const holdings = await world.until(
      Promise.all([mutex.locker("tried").tryLock(), takeOneOfEach(mutex)]).then((all) => all.flat()),
    );
    await mutex.acquire("by hand", "infinite");
    host.raise("SIGTERM");
    await world.clock.advance(2_000);
    expect(stopped).toEqual(["SIGTERM"]);
    expect(holdings.map((holding) => holding?.isHeld)).toEqual(holdings.map(() => true));
    expect(host.ends).toEqual([]);

    finish();
    await world.clock.advance(300);
    expect(holdings.map((holding) => holding?.isHeld)).toEqual(holdings.map(() => false));
    const leased = ["job", "tried", "office", "other config", "a", "b", "by hand"].map((key) => world.leaseState(key));
    expect(new Set(await Promise.all(leased))).toEqual(new Set(["available"]));
    expect((await world.helperBlobs()).filter(({ leaseState }) => leaseState !== "available")).toEqual([]);
    expect(host.ends).toEqual(ENDED);
    // Its holder may release it too: nothing comes of it.
    for (const holding of holdings) await holding?.release();
  });

  it("waits for stopWork, though nothing is held", async () => {
    const { world, host } = setup({ stopWork: () => new Promise(() => undefined), graceMs: 3_000 });
    host.raise("SIGTERM");
    await world.clock.advance(2_900);
    expect(host.ends).toEqual([]);
    await world.clock.advance(200);
    expect(host.ends).toEqual(ENDED);
  });

  it("releases nothing when stopWork fails, and ends when the work has ended by itself", async () => {
    const { world, mutex, host } = setup({
      stopWork: () => {
        throw new Error("the pool does not drain");
      },
    });
    const lock = await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    expect(lock.isHeld).toBe(true);
    expect(world.log).toEqual([
      "SIGTERM: stopWork failed, so nothing is released for it: Error: the pool does not drain",
    ]);
    await world.until(lock.release());
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
  });

  it("takes its waiting tasks out of the line first: no ticket is left", async () => {
    const { world, mutex, host, shutdown } = setup();
    const other = world.process().mutex;
    await world.until(other.locker("job", { fair: true }).lock());
    const waiting = Promise.allSettled(
      [1, 2].map(() => mutex.locker("job", { fair: true }).lock({ signal: shutdown.signal })),
    );
    await world.clock.advance(2_000);
    expect(await world.helperBlobs()).toHaveLength(1);
    host.raise("SIGTERM");
    await world.clock.advance(200);
    expect((await waiting).map((wait) => wait.status === "rejected" && wait.reason)).toEqual([
      shutdown.signal.reason,
      shutdown.signal.reason,
    ]);
    expect(await world.helperBlobs()).toEqual([]);
    expect(host.ends).toEqual(ENDED);
  });

  it("waits for what is given back in the background: a lock that was granted as its wait was given up", async () => {
    const { world, mutex, store, host, shutdown } = setup();
    await world.until(mutex.locker("job").run(() => undefined));
    // Granted at once, and answered when no task waits for it any more.
    store.delayAnswer("acquire", 1_000);
    const waiting = mutex
      .locker("job")
      .lock({ signal: shutdown.signal })
      .catch((error: unknown) => error);
    await world.clock.advance(300);
    host.raise("SIGTERM");
    expect(await waiting).toBe(shutdown.signal.reason);
    await world.clock.advance(500);
    expect(await world.leaseState("job")).toBe("leased");
    expect(host.ends).toEqual([]);
    await world.clock.advance(3_000);
    expect(await world.leaseState("job")).toBe("available");
    expect(host.ends).toEqual(ENDED);
  });

  it("releases all of many locks, among many more that it held before", async () => {
    const { world, mutex, host } = setup({ stopWork: () => undefined });
    for (let n = 0; n < 200; n += 1) {
      const lock = await world.until(mutex.locker(`key ${n}`).lock());
      if (n % 2 === 0) await world.until(lock.release());
    }
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    const states = await Promise.all(Array.from({ length: 200 }, (_, n) => world.leaseState(`key ${n}`)));
    expect(states.filter((state) => state !== "available")).toEqual([]);
    expect(host.ends).toEqual(ENDED);
  });

  it("takes a lease that was acquired by hand for held until it is released, or lapses", async () => {
    const { world, mutex, host } = setup({ graceMs: 60_000 });
    await world.until(Promise.all([mutex.acquire("released", 60), mutex.acquire("left alone", 15)]));
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    await world.until(mutex.release("released"));
    await world.clock.advance(9_000);
    expect(host.ends).toEqual([]);
    await world.clock.advance(5_000);
    expect(host.ends).toEqual(ENDED);
  });

  it("ends when nothing was held at two looks in a row: one lock may follow upon another", async () => {
    const { world, mutex, host } = setup();
    host.raise("SIGTERM");
    await world.clock.advance(20);
    const lock = await world.until(mutex.locker("job").lock(), 1_000, 1);
    await world.clock.advance(200);
    await world.until(lock.release(), 1_000, 1);
    await world.clock.advance(20);
    expect(host.ends).toEqual([]);
    await world.clock.advance(30);
    expect(host.ends).toEqual(ENDED);
  });

  it("does not wait for a listing that is not read on", async () => {
    const { world, mutex, host } = setup();
    for (const key of ["a", "b", "c"]) await world.until(mutex.locker(key).run(() => undefined));
    const listing = mutex.list()[Symbol.asyncIterator]();
    expect((await world.until(listing.next())).value).toMatchObject({ key: "a" });
    host.raise("SIGTERM");
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
  });

  it("serves several mutexes, and ends when all of them are done", async () => {
    const world = new World();
    const [one, other] = [world.process().mutex, world.process().mutex];
    const host = new FakeProcess();
    new Shutdown(spacesIn([one, other]), {}, host);
    const locks = await world.until(Promise.all([one.locker("a").lock(), other.locker("b").lock()]));
    host.raise("SIGTERM");
    for (const lock of locks) {
      await world.clock.advance(1_000);
      expect(host.ends).toEqual([]);
      await world.until(lock.release());
    }
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
  });

  it("ends when the last of two that listen is done", async () => {
    const world = new World();
    const [one, other] = [world.process().mutex, world.process().mutex];
    const host = new FakeProcess();
    new Shutdown(spacesIn(one), {}, host);
    new Shutdown(spacesIn(other), {}, host);
    const lock = await world.until(one.locker("a").lock());
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    expect(host.ends).toEqual([]);
    await world.until(lock.release());
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
  });
});

describe("on Windows", () => {
  it("the process ends with 128 and the signal's number: a signal would end it before others hear of it", async () => {
    const { world, host } = setup();
    host.platform = "win32";
    host.raise("SIGINT");
    await world.clock.advance(100);
    expect(host.ends).toEqual(["exit 130"]);
  });
});

describe("a second releaseOnSignals", () => {
  it("that comes during the end of the first hears the signal when that is done, and ends the process", async () => {
    const { world, mutex, host } = setup();
    const lock = await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    const other = world.process().mutex;
    const late = new Shutdown(spacesIn(other), {}, host);
    const otherLock = await world.until(other.locker("other").lock());
    await world.until(lock.release());
    await world.clock.advance(1_000);
    expect(late.signal.aborted).toBe(true);
    expect(host.ends).toEqual([]);
    await world.until(otherLock.release());
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
  });
});

describe("a process that cannot send itself the signal", () => {
  it("ends with 128 and the signal's number", async () => {
    const { world, host } = setup({ signals: ["SIGHUP"] });
    host.kill = () => {
      throw new Error("kill ENOSYS");
    };
    host.raise("SIGHUP");
    await world.clock.advance(100);
    expect(host.ends).toEqual(["exit 129"]);
  });
});

describe("a second signal", () => {
  it("ends the process at once, of whatever kind it is", async () => {
    const { world, mutex, host } = setup();
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    await world.clock.advance(600);
    expect(host.ends).toEqual([]);
    host.raise("SIGINT");
    await world.clock.settle();
    expect(host.ends).toEqual(["17 killed by SIGINT", "exit 130"]);
  });

  it("is taken for the first one if it comes with it, as npm sends it on", async () => {
    const { world, mutex, host } = setup();
    await world.until(mutex.locker("job").lock());
    host.raise("SIGINT");
    await world.clock.advance(400);
    host.raise("SIGINT");
    await world.clock.advance(1_000);
    expect(host.ends).toEqual([]);
  });
});

describe("releaseOnSignals", () => {
  it("listens no more when its scope has ended, and leaves its signal alone", async () => {
    const { host, shutdown } = setup({ signals: ["SIGTERM", "SIGINT", "SIGHUP"] });
    expect(host.listens).toBe(3);
    await shutdown[Symbol.asyncDispose]();
    expect(host.listens).toBe(0);
    expect(shutdown.signal.aborted).toBe(false);
  });

  it("holds the end of its scope up until the process ends", async () => {
    const { world, mutex, host, shutdown } = setup();
    const lock = await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    let isOver = false;
    const over = shutdown[Symbol.asyncDispose]().then(() => {
      isOver = true;
    });
    await world.clock.advance(1_000);
    expect(isOver).toBe(false);
    await world.until(lock.release());
    await world.until(over);
    expect(host.ends.length).toBeGreaterThan(0);
  });

  it("listens to SIGTERM and SIGINT of this process, and to nothing else", async () => {
    const names = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;
    const counts = (): number[] => names.map((name) => process.listenerCount(name));
    const before = counts();
    const shutdown = releaseOnSignals(new World().process().mutex);
    expect(counts().map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 0, 0]);
    await shutdown[Symbol.asyncDispose]();
    expect(counts()).toEqual(before);
  });

  it.each([
    [{ signals: [] }, "signals must be an array of names, not an array"],
    [{ signals: "SIGTERM" }, 'signals must be an array of names, not "SIGTERM"'],
    [{ signals: ["SIGKILL"] }, 'signals must be of SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGBREAK, SIGUSR2, not "SIGKILL"'],
    [{ graceMs: -1 }, "graceMs must be a number of milliseconds of at least 0, not -1"],
    [{ stopWork: "now" }, 'stopWork must be a function, not "now"'],
  ])("refuses %o, and listens to nothing", (options, message) => {
    const before = process.listenerCount("SIGTERM");
    const { mutex } = new World().process();
    expect(() => releaseOnSignals(mutex, options as ReleaseOnSignalsOptions)).toThrow(message);
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });

  it.each([
    [[], "mutexes must be at least one mutex, not none"],
    [undefined, "mutexes must be at least one mutex, not none"],
    [{ containerName: "locks" }, "mutexes must be an AzureMutex, or several in an array, not an object"],
  ])("refuses %o for a mutex", (mutexes, message) => {
    expect(() => releaseOnSignals(mutexes as never)).toThrow(message);
  });
});
