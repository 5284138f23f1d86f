import { describe, expect, it } from "vitest";
import type { StandingLease } from "../../../src/lease/standing-lease.ts";
import { StandingLeases } from "../../../src/lease/standing-leases.ts";
import { spaceOf } from "../../../src/locks/mutex.ts";
import { World } from "../../support/world.ts";

/** What a listener hears of the mutex, as lines, and the ids that it would release by now. */
function heard(standing: StandingLeases) {
  const lines: string[] = [];
  const known = new Map<string, StandingLease>();
  const stop = standing.onChange({
    onStanding(lease) {
      lines.push(`${lease.name} stands`);
      known.set(lease.leaseId, lease);
    },
    onGone(lease) {
      lines.push(`${lease.name} is gone`);
      known.delete(lease.leaseId);
    },
  });
  return { lines, known, stop };
}

describe("what a process has or may have", () => {
  it("is told as it changes, until the listener is called off", async () => {
    const standing = new StandingLeases();
    const lease = { name: "job", leaseId: "1" };
    const { lines, stop } = heard(standing);
    standing.renewed(lease);
    standing.add(lease);
    standing.renewed(lease);
    expect([standing.delete(lease), standing.delete(lease)]).toEqual([true, false]);
    standing.renewed(lease);
    stop();
    standing.add(lease);
    expect(lines).toEqual(["job stands", "job stands", "job is gone"]);
    expect([...standing]).toEqual([lease]);
  });

  it("does not include what has run out", () => {
    const standing = new StandingLeases();
    for (const [index, lapsesInMs] of [5, 0, -5, Number.POSITIVE_INFINITY].entries())
      standing.add({ name: `${index}`, leaseId: `${index}`, lapsesInMs });
    expect([...standing].map(({ name }) => name)).toEqual(["0", "3"]);
  });

  it("is told with every renewal, and with the time that it then has", async () => {
    const world = new World();
    const { mutex } = world.process();
    const { known, lines } = heard(spaceOf(mutex).standing);
    const lock = await world.until(mutex.locker("job", { leaseSeconds: 30 }).lock());
    const told = lines.length;
    await world.clock.advance(40_000);
    expect(lines.length - told).toBeGreaterThan(2);
    expect(known.get(lock.leaseId)?.lapsesInMs).toBeGreaterThan(15_000);
    await world.until(lock.release());
    expect([...known]).toEqual([]);
    const after = lines.length;
    await world.clock.advance(40_000);
    expect(lines.length).toBe(after);
  });

  it("includes what is renewed and released by hand, until it lapses", async () => {
    const world = new World();
    const { mutex } = world.process();
    const { known, lines } = heard(spaceOf(mutex).standing);
    const held = await world.until(mutex.acquire("by hand", 60));
    expect([...known.keys()]).toEqual([held.leaseId]);
    await world.clock.advance(50_000);
    const told = lines.length;
    await world.until(held.renew());
    expect(lines.slice(told)).toEqual(["by hand stands"]);
    expect(known.get(held.leaseId)?.lapsesInMs).toBeGreaterThan(59_000);
    await world.until(held.release());
    expect([...known]).toEqual([]);
    await world.until(mutex.acquire("forgotten", 15));
    await world.clock.advance(120_000);
    expect([...known, ...spaceOf(mutex).standing]).toEqual([]);
  });

  it("includes what is released by hand, and whose release went unanswered", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    const { known } = heard(spaceOf(mutex).standing);
    const held = await world.until(mutex.acquire("by hand", "infinite"));
    store.failBefore("release");
    await expect(world.until(held.release())).rejects.toThrow();
    expect([...known.keys()]).toEqual([held.leaseId]);
    store.heal();
    await world.until(held.release());
    expect([...known]).toEqual([]);
  });

  it("includes a lease whose id is being changed, under either id, and nothing of it when that is done", async () => {
    for (const isAnswered of [false, true]) {
      const world = new World();
      const { mutex, store } = world.process();
      // The second try is granted while the first may still be carried out.
      store.failAfter("acquire", { times: 1 });
      const change = isAnswered ? undefined : store.hangAfter("change");
      const taking = mutex.locker("job").lock();
      taking.catch(() => undefined);
      while (store.count("change") === 0) await world.clock.advance(10);
      if (change) {
        for (const { name, leaseId } of spaceOf(mutex).standing) await world.memory.release(name, leaseId);
        expect(await world.leaseState("job")).toBe("available");
        store.heal();
      }
      const lock = await world.until(taking);
      expect([...spaceOf(mutex).standing].map(({ leaseId }) => leaseId)).toEqual([lock.leaseId]);
      await world.until(lock.release());
      await world.clock.advance(120_000);
      expect([...spaceOf(mutex).standing]).toEqual([]);
    }
  });

  it("is told of a place in line, as often as that is renewed", async () => {
    const world = new World();
    const { mutex } = world.process();
    await world.until(world.process().mutex.locker("job", { fair: true }).lock());
    const { lines } = heard(spaceOf(mutex).standing);
    void mutex.locker("job", { fair: true }).lock();
    await world.clock.advance(60_000);
    const tickets = lines.filter((line) => line !== "job stands");
    expect(tickets.length).toBeGreaterThan(2);
    expect(new Set(tickets).size).toBe(1);
  });
});
