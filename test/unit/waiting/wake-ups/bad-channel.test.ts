import { describe, expect, it } from "vitest";
import type { WakeUps } from "../../../../src/waiting/wake-ups/wake-ups.ts";
import { IDLE_MS, type Turn, takeTurns, WokenWorld } from "../../../support/woken.ts";

const NEVER = new Promise<never>(() => undefined);
const fail = (): never => {
  throw new Error("redis://user:password@host is not there");
};

/** Two holds at once, if there are any. */
const overlaps = (turns: readonly Turn[]): Turn[] =>
  turns.slice(1).filter(({ from }, index) => from < (turns[index]?.to ?? 0));

/** The longest time for which the lock was free while a process waited for it. */
function longestGap(turns: readonly Turn[]): number {
  let freeSince = 0;
  return turns.reduce((longest, { askedAt, from, to }) => {
    const gap = from - Math.max(freeSince, askedAt);
    freeSince = to;
    return Math.max(longest, gap);
  }, 0);
}

async function crowdOn(wakeUps: (world: WokenWorld) => WakeUps | undefined, midway?: (world: WokenWorld) => void) {
  const world = new WokenWorld();
  const members = Array.from({ length: 4 }, () => world.member({ wakeUps: wakeUps(world) }));
  if (midway) world.clock.setTimer(10_000, () => midway(world));
  const turns = await takeTurns(
    world,
    members.map(({ mutex }) => mutex),
    { turns: 8, holdMs: 700 },
  );
  await world.pass(60_000);
  return { world, turns, requests: members.reduce((sum, { store }) => sum + store.count(), 0) };
}

describe("with a channel that is", () => {
  it.each<[string, (world: WokenWorld) => WakeUps, ((world: WokenWorld) => void)?]>([
    ["lossy, 1 %", (world) => Object.assign(world.wakeUps, { lost: 0.01 })],
    ["lossy, 10 %", (world) => Object.assign(world.wakeUps, { lost: 0.1 })],
    ["lossy, 50 %", (world) => Object.assign(world.wakeUps, { lost: 0.5 })],
    ["dead from the start", (world) => Object.assign(world.wakeUps, { lost: 1 })],
    ["dying midway", (world) => world.wakeUps, ({ wakeUps }) => (wakeUps.lost = 1)],
    ["late by 30 s", (world) => Object.assign(world.wakeUps, { delayMs: 30_000 })],
    ["late by 30 s from midway on", (world) => world.wakeUps, ({ wakeUps }) => (wakeUps.delayMs = 30_000)],
    ["late by any time", (world) => Object.assign(world.wakeUps, { delayMs: [0, 30_000] })],
    ["doubling", (world) => Object.assign(world.wakeUps, { doubled: 1 })],
    ["out of order", (world) => Object.assign(world.wakeUps, { delayMs: [0, 400] })],
  ])(
    "%s, all get the lock, one at a time, and it is never idle for longer than an idle poll",
    async (_, wakeUps, midway) => {
      const { world, turns } = await crowdOn(wakeUps, midway);
      expect(turns).toHaveLength(32);
      expect(overlaps(turns)).toEqual([]);
      expect(longestGap(turns)).toBeLessThanOrEqual(IDLE_MS + 100);
      expect(world.wakeUps.listeners).toBe(0);
      expect(world.clock.pendingTimers()).toBe(0);
    },
  );

  it.each<[string, WakeUps]>([
    ["throws", { publish: fail, subscribe: fail, close: fail }],
    ["rejects", { publish: async () => fail(), subscribe: async () => fail(), close: async () => fail() }],
    ["hangs", { publish: () => NEVER, subscribe: () => NEVER, close: () => NEVER }],
    ["answers with nonsense", { publish: () => 7, subscribe: (() => "no function") as never }],
  ])("broken: it %s, and waiters poll as without one", async (name, broken) => {
    const { world, turns, requests } = await crowdOn(() => broken);
    const without = await crowdOn(() => undefined);
    expect(turns).toHaveLength(32);
    expect(longestGap(turns)).toBeLessThanOrEqual(900);
    expect(requests / without.requests).toBeGreaterThan(0.7);
    expect(requests / without.requests).toBeLessThan(1.3);
    const told = world.log.filter((line) => line.includes("wake-ups"));
    expect(told.length).toBe(name === "throws" || name === "rejects" ? 4 : 0);
    for (const line of told) expect(line).toBe("the channel of wake-ups fails (Error): waiters poll meanwhile");
  });
});

describe("a holder whose subscription failed", () => {
  it("subscribes again within half a minute, so that its waiters poll seldom", async () => {
    const world = new WokenWorld();
    const { channel } = world;
    let isDown = true;
    const subscribe: WakeUps["subscribe"] = (topic, listener) => (isDown ? fail() : channel.subscribe(topic, listener));
    await world.until(
      world
        .member({ wakeUps: { ...channel, subscribe } })
        .mutex.locker("job")
        .lock(),
    );
    isDown = false;
    const { store, mutex } = world.member();
    const waiting = mutex.locker("job").lock({ timeoutMs: 100_000 });
    waiting.catch(() => undefined);
    await world.pass(40_000);
    store.forgetCalls();
    await world.pass(30_000);
    expect(store.count("acquire")).toBeLessThan(9);
    await world.until(mutex.close());
  });
});

describe("a release that no message announced", () => {
  it("has its waiter poll at the usual pace for half a minute", async () => {
    const world = new WokenWorld();
    const holder = world.member().mutex.locker("job");
    const { store, mutex } = world.member();
    const held = await world.until(holder.lock());
    const waiting = mutex.locker("job").lock();
    await world.pass(20_000);
    world.wakeUps.lost = 1;
    await world.until(held.release());
    await world.until((await world.until(waiting)).release());
    world.wakeUps.lost = 0;
    const again = await world.until(holder.lock());
    store.forgetCalls();
    const second = mutex.locker("job").lock();
    await world.pass(20_000);
    expect(store.count("acquire")).toBeGreaterThan(20);
    store.forgetCalls();
    await world.pass(60_000);
    expect(store.count("acquire")).toBeLessThan(30);
    await world.until(again.release());
    await world.until(second);
  });
});

describe("a waiter that has no answer to its own question, in time", () => {
  /** How often it polls in half a minute under a holder on the channel. */
  const pollsOf = async (world: WokenWorld, wakeUps: WakeUps, whileWaiting?: () => void): Promise<number> => {
    await world.until(world.member().mutex.locker("job").lock());
    const { store, mutex } = world.member({ wakeUps });
    const waiting = mutex.locker("job").lock({ timeoutMs: 50_000 });
    waiting.catch(() => undefined);
    await world.pass(5_000);
    store.forgetCalls();
    whileWaiting?.();
    await world.pass(30_000);
    await world.until(mutex.close());
    return store.count("acquire");
  };

  it("polls as ever under answers that are late", async () => {
    const world = new WokenWorld();
    world.wakeUps.delayMs = 800;
    expect(await pollsOf(world, world.channel)).toBeGreaterThan(30);
  });

  it("polls as ever though it hears that others take the lock", async () => {
    const world = new WokenWorld();
    const { channel } = world;
    const deaf = { ...channel, publish: () => undefined };
    const taken = (): void => {
      channel.publish(world.topic, "taken 0-0-0-0");
      if (world.clock.now() < 36_000) world.clock.setTimer(100, taken);
    };
    expect(await pollsOf(world, deaf, taken)).toBeGreaterThan(30);
  });
});

describe("forged messages", () => {
  let forged = 0;
  const forgedId = (): number => {
    forged += 1;
    return forged;
  };
  const flood = async (message: (id: string) => string) => {
    const world = new WokenWorld();
    const held = await world.until(world.member().mutex.locker("job").lock());
    const { store, mutex } = world.member();
    const waiting = mutex.locker("job").lock();
    await world.pass(10_000);
    const id = / waiting ([^.]*)\./.exec(world.said.join("\n"))?.[1] ?? "";
    const forge = (): void => {
      world.wakeUps.publish(world.topic, message(id));
      if (world.clock.now() < 50_000) world.clock.setTimer(5, forge);
    };
    store.forgetCalls();
    forge();
    await world.pass(30_000);
    const acquires = store.count("acquire");
    await world.until(held.release());
    const freedAt = world.clock.now();
    await world.until(waiting);
    return { acquires, gap: world.clock.now() - freedAt };
  };

  it.each([
    ["released", (id: string) => `released ${id}`],
    ["released for no one", () => "released"],
    ["released for another", () => "released 0-0-0-0"],
  ])("cost two polls a second at the most: %s", async (_, message) => {
    const { acquires, gap } = await flood(message);
    expect(acquires).toBeLessThan(30 * 2 + 15);
    // Nor does the next forgery put off what the one before brought forward.
    expect(acquires).toBeGreaterThan(30);
    expect(gap).toBeLessThan(IDLE_MS);
  });

  it.each([
    ["taken", () => "taken 0-0-0-0"],
    ["held", (id: string) => `held ${id}.1 ${id}.2 ${id}.3`],
    ["left", (id: string) => `left ${id}`],
    ["waiting", () => `waiting ${forgedId()}.1`],
    ["no message", () => "x".repeat(10_000)],
    ["no text", () => 7 as never],
  ])("put no poll off for longer than an idle poll: %s", async (_, message) => {
    const { acquires, gap } = await flood(message);
    expect(acquires).toBeGreaterThanOrEqual(5);
    expect(acquires).toBeLessThan(30 * 2 + 15);
    expect(gap).toBeLessThan(IDLE_MS + 100);
  });
});
