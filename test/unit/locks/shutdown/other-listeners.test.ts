import { describe, expect, it } from "vitest";
import type { World } from "../../../support/world.ts";
import { ENDED, type FakeProcess, setup } from "./fake-process.ts";

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
