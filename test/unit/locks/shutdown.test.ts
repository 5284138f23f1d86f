import { EventEmitter } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { EndingProcess, EndingSignal } from "../../../src/locks/ending-process.ts";
import { spaceOf } from "../../../src/locks/lock-space.ts";
import { type ReleaseOnSignalsOptions, releaseOnSignals, Shutdown, spacesIn } from "../../../src/locks/shutdown.ts";
import { takeOneOfEach } from "../../support/one-of-each.ts";
import { World } from "../../support/world.ts";

/** A process that a test sends signals to, and that says how it ended. */
class FakeProcess implements EndingProcess {
  pid = 17;
  platform = "linux";
  signalExits = 0;
  childExits: number | null = 0;
  readonly ends: string[] = [];
  readonly #signals = new EventEmitter();

  prependListener(name: string, listener: () => void): void {
    this.#signals.prependListener(name, listener);
  }

  on(name: string, listener: (...args: unknown[]) => void): void {
    this.#signals.on(name, listener);
  }

  once(name: EndingSignal, listener: () => void): void {
    this.#signals.once(name, listener);
  }

  off(name: string, listener: (...args: unknown[]) => void): void {
    this.#signals.off(name, listener);
  }

  // biome-ignore lint/complexity/noBannedTypes: as Node has it
  rawListeners(name: EndingSignal): Function[] {
    return this.#signals.rawListeners(name);
  }

  /** A signal that is listened to arrives a little later, and kills nothing. */
  kill(pid: number, name: EndingSignal): void {
    if (this.#signals.listenerCount(name) > 0) queueMicrotask(() => this.raise(name));
    else this.ends.push(`${pid} killed by ${name}`);
  }

  exit(code: number): void {
    this.#signals.emit("exit");
    this.ends.push(`exit ${code}`);
  }

  /** Of each child process: what it was given. */
  readonly children: string[] = [];

  runNode(_program: string, input: string): number | null {
    this.children.push(input);
    return this.childExits;
  }

  /** Sends it a signal. */
  raise(name: EndingSignal): void {
    this.#signals.emit(name);
  }

  listenersTo(name: string): number {
    return this.#signals.listenerCount(name);
  }

  get listens(): number {
    return this.#signals.eventNames().length;
  }
}

/** Killed by the signal, and had it not been: its exit code. */
const ENDED = ["17 killed by SIGTERM", "exit 143"];

function setup(options: ReleaseOnSignalsOptions = {}) {
  const world = new World();
  const { mutex, store } = world.process();
  const host = new FakeProcess();
  return { world, mutex, store, host, shutdown: new Shutdown(spacesIn(mutex), options, host) };
}

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

  it("waits for what is given back in the background: a lock that was granted while the wait was given up", async () => {
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
  it("the process ends with 128 and the signal's number: a signal would end it before other listeners hear of it", async () => {
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

describe("with another listener", () => {
  /** A framework: its listener stays while it closes, which takes so long, then goes, and the signal is sent again. */
  function framework(world: World, host: FakeProcess, closesInMs: number, how: "on" | "once" = "on"): void {
    const close = (): void => {
      world.clock.setTimer(closesInMs, () => {
        host.off("SIGTERM", close);
        host.kill(host.pid, "SIGTERM");
      });
    };
    host[how]("SIGTERM", close);
  }

  /** What signal-exit does: alone, it goes and sends the signal again; with others, it leaves that to them. */
  function signalExit(host: FakeProcess): void {
    const listener = (): void => {
      if (host.rawListeners("SIGTERM").length !== host.signalExits) return;
      host.off("SIGTERM", listener);
      host.signalExits -= 1;
      host.kill(host.pid, "SIGTERM");
    };
    host.signalExits += 1;
    host.on("SIGTERM", listener);
  }

  /** Holds a lock until so long after the signal. */
  async function working({ world, mutex, shutdown }: ReturnType<typeof setup>, endsInMs: number): Promise<void> {
    const lock = await world.until(mutex.locker("job").lock());
    shutdown.signal.addEventListener("abort", () => world.clock.setTimer(endsInMs, () => void lock.release()));
  }

  it.each(["on", "once"] as const)(
    "leaves the end to it (%s), while the work is told and locks are released",
    async (how) => {
      const { world, mutex, host, shutdown } = setup({ stopWork: () => undefined });
      let heard = 0;
      host[how]("SIGTERM", () => {
        heard += 1;
      });
      await world.until(mutex.locker("job").lock());
      host.raise("SIGTERM");
      await world.clock.advance(1_000);
      expect(heard).toBe(1);
      expect(shutdown.signal.aborted).toBe(true);
      expect(await world.leaseState("job")).toBe("available");
      expect(host.ends).toEqual([]);
      expect(world.clock.pendingTimers({ keepAlive: true })).toBe(0);
      await shutdown[Symbol.asyncDispose]();
      await world.clock.advance(8_900);
      expect(host.ends).toEqual([]);
    },
  );

  it("that never ends the process ends it when the grace is over: sends the signal again, and then exits", async () => {
    const { world, host } = setup();
    let heard = 0;
    host.on("SIGTERM", () => {
      heard += 1;
    });
    host.raise("SIGTERM");
    await world.clock.advance(9_900);
    expect(host.ends).toEqual([]);
    await world.clock.advance(150);
    expect(heard).toBe(2);
    expect(host.ends).toEqual([]);
    await world.clock.advance(100);
    expect(host.ends).toEqual(["exit 143"]);
    expect(world.log).toEqual(["SIGTERM: another listener has not ended the process within 10000 ms: it ends now"]);
  });

  it("has all the time with graceMs: Infinity", async () => {
    const { world, host } = setup({ graceMs: Number.POSITIVE_INFINITY });
    host.on("SIGTERM", () => undefined);
    host.raise("SIGTERM");
    await world.clock.advance(100_000);
    expect(host.ends).toEqual([]);
  });

  it.each([
    ["on", 50, 3_000],
    ["on", 1_000, 3_000],
    ["once", 1_000, 3_000],
  ] as const)(
    "that closes (%s) in %i ms and sends the signal again waits for locks held for %i ms",
    async (how, closesInMs, endsInMs) => {
      const all = setup();
      const { world, host } = all;
      await working(all, endsInMs);
      framework(world, host, closesInMs, how);
      host.raise("SIGTERM");
      await world.clock.advance(endsInMs - 10);
      expect(host.ends).toEqual([]);
      expect(await world.leaseState("job")).toBe("leased");
      await world.clock.advance(100);
      expect(await world.leaseState("job")).toBe("available");
      expect(host.ends).toEqual(ENDED);
    },
  );

  it.each(["on", "once"] as const)(
    "that takes longer (%s) than the locks ends the process when it sends the signal again",
    async (how) => {
      const all = setup();
      const { world, host } = all;
      await working(all, 300);
      framework(world, host, 3_000, how);
      host.raise("SIGTERM");
      await world.clock.advance(2_990);
      expect(await world.leaseState("job")).toBe("available");
      expect(host.ends).toEqual([]);
      await world.clock.advance(20);
      expect(host.ends).toEqual(ENDED);
      // The end of the grace, which came too late, ends nothing again.
      await world.clock.advance(20_000);
      expect(host.ends).toEqual(ENDED);
      expect(world.log).toEqual([]);
    },
  );

  it("and a third after it: each may send the signal again once", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 3_000);
    framework(world, host, 1_000, "once");
    framework(world, host, 2_000, "once");
    host.raise("SIGTERM");
    await world.clock.advance(2_900);
    expect(host.ends).toEqual([]);
    await world.clock.advance(200);
    expect(await world.leaseState("job")).toBe("available");
    expect(host.ends).toEqual(ENDED);
  });

  it("that has sent the signal again, a second wish ends the process with the lock held", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 5_000);
    framework(world, host, 1_000);
    host.raise("SIGTERM");
    await world.clock.advance(2_000);
    expect(host.ends).toEqual([]);
    host.raise("SIGTERM");
    await world.clock.settle();
    expect(host.ends).toEqual(ENDED);
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("that is still closing, a second wish is that listener's to decide on", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 3_000);
    framework(world, host, 4_000);
    host.raise("SIGTERM");
    await world.clock.advance(2_000);
    host.raise("SIGTERM");
    await world.clock.advance(1_500);
    expect(host.ends).toEqual([]);
    await world.clock.advance(600);
    expect(host.ends).toEqual(ENDED);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("that listens once, a signal which npm passes on is not taken for that listener's own", async () => {
    const { world, host } = setup();
    host.once("SIGINT", () => undefined);
    host.raise("SIGINT");
    await world.clock.advance(100);
    host.raise("SIGINT");
    await world.clock.advance(5_000);
    expect(host.ends).toEqual([]);
  });

  it("that has heard one signal, another signal is a second wish", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 5_000);
    host.once("SIGTERM", () => undefined);
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    host.raise("SIGINT");
    await world.clock.settle();
    expect(host.ends).toEqual(["17 killed by SIGINT", "exit 130"]);
  });

  it("of signal-exit, however many copies, the process ends by the signal once everything is released", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 300);
    signalExit(host);
    signalExit(host);
    host.raise("SIGTERM");
    await world.clock.advance(250);
    expect(host.ends).toEqual([]);
    await world.clock.advance(150);
    expect(host.ends).toEqual(["17 killed by SIGTERM"]);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("of signal-exit beside a framework, the framework decides", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 300);
    signalExit(host);
    framework(world, host, 2_000);
    host.raise("SIGTERM");
    await world.clock.advance(1_900);
    expect(host.ends).toEqual([]);
    await world.clock.advance(200);
    expect(host.ends).toEqual(["17 killed by SIGTERM"]);
  });

  it("of signal-exit, process 1 of a container, which no signal of its own ends, exits", async () => {
    const all = setup();
    const { world, host } = all;
    host.pid = 1;
    signalExit(host);
    host.raise("SIGTERM");
    await world.clock.advance(200);
    expect(host.ends).toContain("exit 143");
  });

  it("to SIGBREAK decides, though signal-exit listens to other signals", async () => {
    const { world, host } = setup({ signals: ["SIGBREAK"] });
    let heard = 0;
    host.signalExits = 1;
    host.on("SIGBREAK", () => {
      heard += 1;
    });
    host.raise("SIGBREAK");
    await world.clock.advance(1_000);
    expect(heard).toBe(1);
    expect(host.ends).toEqual([]);
  });

  it("that came during the end and hears the signal for the first time decides", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 300);
    host.raise("SIGTERM");
    await world.clock.advance(100);
    let heard = 0;
    host.on("SIGTERM", () => {
      heard += 1;
    });
    await world.clock.advance(500);
    expect(heard).toBe(1);
    expect(host.ends).toEqual([]);
    await world.clock.advance(9_500);
    expect(host.ends).toEqual(["exit 143"]);
  });

  it("that calls process.exit while a lock is held is said to have cut it off", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 1_000);
    host.once("SIGTERM", () => host.exit(0));
    host.raise("SIGTERM");
    await world.clock.settle();
    expect(world.log).toEqual([
      "SIGTERM: the process ends before everything is released; what is held lapses by itself",
    ]);
  });

  it("that calls process.exit once everything is released, nothing is said", async () => {
    const all = setup();
    const { world, host } = all;
    await working(all, 100);
    host.once("SIGTERM", () => world.clock.setTimer(1_000, () => host.exit(0)));
    host.raise("SIGTERM");
    await world.clock.advance(1_100);
    expect(host.ends).toEqual(["exit 0"]);
    expect(world.log).toEqual([]);
  });
});

describe("a process that ends while everything is still being released", () => {
  const CUT_OFF = "SIGTERM: the process ends before everything is released; what is held lapses by itself";

  /** What it holds can be released by another process. */
  function held(options: ReleaseOnSignalsOptions = {}) {
    const world = new World();
    const store = Object.assign(world.memory, {
      releaseRequest: (name: string, leaseId: string) => ({ url: name, headers: { leaseId } }),
    });
    const mutex = new AzureMutex({
      store,
      clock: world.clock,
      newId: () => world.newId(),
      log: (line) => world.log.push(line),
    });
    const host = new FakeProcess();
    return { world, mutex, host, shutdown: new Shutdown(spacesIn(mutex), options, host) };
  }

  /** The blobs whose leases the child process was to release. */
  const released = ({ children: [input = "[]"] }: FakeProcess): string[] =>
    (JSON.parse(input) as { url: string }[]).map(({ url }) => url).sort();

  /** The blobs that are leased. */
  async function leased({ memory }: World): Promise<string[]> {
    const names: string[] = [];
    for await (const { key, leaseState } of memory.list("")) if (leaseState === "leased") names.push(key);
    return names.sort();
  }

  it("has all that it holds released by another one, of whatever kind", async () => {
    const { world, mutex, host } = held();
    await world.until(
      Promise.all([
        takeOneOfEach(mutex),
        mutex.locker("fair", { fair: true }).lock(),
        mutex.acquire("by hand", 60),
        mutex.acquire("infinite", "infinite"),
      ]),
    );
    const before = await leased(world);
    expect(before.length).toBeGreaterThan(9);
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    host.exit(3);
    expect(host.ends).toEqual(["exit 3"]);
    expect(host.children).toHaveLength(1);
    expect(released(host)).toEqual(before);
    expect(world.log).toEqual([]);
  });

  it("has its place in a fair line released, and a lock that it may be handed", async () => {
    const { world, mutex, host } = held();
    const lock = await world.until(world.process().mutex.locker("job", { fair: true }).lock());
    void mutex.locker("job", { fair: true }).lock();
    await world.clock.advance(2_000);
    const [ticket = ""] = (await leased(world)).filter((name) => name !== "job");
    host.raise("SIGTERM");
    host.exit(0);
    expect(released(host)).toEqual([ticket, "job"].sort());
    // Under an id of its own, which is not the other's.
    expect(host.children[0]).not.toContain(lock.leaseId);
  });

  it("has a lease released whose acquire, or whose release, is under way", async () => {
    const { world, mutex, host } = held();
    const lock = await world.until(mutex.locker("going").lock());
    const acquiring = vi.spyOn(spaceOf(mutex).store, "acquire").mockReturnValue(new Promise(() => undefined));
    const releasing = vi.spyOn(spaceOf(mutex).store, "release").mockReturnValue(new Promise(() => undefined));
    void mutex.locker("coming").lock();
    void lock.release();
    await world.clock.settle();
    expect([acquiring.mock.calls.length, releasing.mock.calls.length]).toEqual([1, 1]);
    host.raise("SIGTERM");
    host.exit(0);
    expect(released(host)).toEqual(["coming", "going"]);
  });

  it("starts none where nothing is held any more", async () => {
    const { world, mutex, host } = held();
    const { mutex: other } = world.process();
    await world.until(mutex.locker("job").run(() => undefined));
    await world.until(mutex.locker("fair", { fair: true }).run(() => undefined));
    await world.until((async () => (await mutex.acquire("by hand", 15)).release())());
    await world.until(other.locker("taken").lock());
    expect(await world.until(mutex.locker("taken").tryLock())).toBeUndefined();
    await world.until(
      mutex
        .locker("taken")
        .lock({ timeoutMs: 2_000 })
        .catch(() => undefined),
    );
    const lost = await world.until(mutex.locker("broken").lock());
    await world.until(other.break("broken"));
    await world.until(lost.release().catch(() => undefined));
    await mutex.acquire("lapsed", 15);
    await world.clock.advance(120_000);
    expect(spaceOf(mutex).standing).toEqual([]);
    host.raise("SIGTERM");
    host.exit(0);
    expect(host.children).toEqual([]);
    expect(world.log.filter((line) => line === CUT_OFF)).toEqual([]);
  });

  it.each([1, null])("says that the rest lapses where the other one ends with %s", async (code) => {
    const { world, mutex, host } = held();
    host.childExits = code;
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    host.exit(0);
    expect(host.children).toHaveLength(1);
    expect(world.log).toEqual([CUT_OFF]);
  });

  it("ends with the code that it had, and says so, where the other one cannot be started", async () => {
    const { world, mutex, host } = held();
    host.runNode = () => {
      throw new Error("not permitted");
    };
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    host.exit(3);
    expect(host.ends).toEqual(["exit 3"]);
    expect(world.log).toEqual([CUT_OFF]);
  });

  it("does so after all its other listeners, those included that come later", async () => {
    const { world, mutex, host } = held();
    const heard: string[] = [];
    const note = (name: string) => () => heard.push(`${name} ${host.children.length}`);
    new Shutdown(spacesIn(mutex), {}, host);
    await world.until(mutex.locker("job").lock());
    host.on("exit", note("before"));
    host.raise("SIGTERM");
    host.on("exit", note("after"));
    host.on("exit", note("last"));
    await world.clock.advance(10);
    host.exit(0);
    expect(heard).toEqual(["before 0", "after 0", "last 0"]);
    // Of two shutdowns each.
    expect(host.children).toHaveLength(2);
  });

  it("releases nothing where a listener to its end was added that very moment, which may still work", async () => {
    const { world, mutex, host } = held();
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    host.on("exit", () => undefined);
    host.exit(0);
    expect(host.children).toEqual([]);
  });

  it("listens to its end from the first signal on, until everything is released", async () => {
    const { world, mutex, host } = held();
    const lock = await world.until(mutex.locker("job").lock());
    expect(host.listenersTo("exit")).toBe(0);
    host.raise("SIGTERM");
    expect(host.listenersTo("exit")).toBe(1);
    await world.until(lock.release());
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
    expect(host.children).toEqual([]);
    expect(host.listens).toBe(0);
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
