import { describe, expect, it } from "vitest";
import type { Lock } from "../../../src/locks/lock.ts";
import { World } from "../../support/world.ts";

const FAIR = { fair: true };

/** What the model found, told once more in the fewest words. */
describe("found by the model", () => {
  it("a waiter asks for the lock when a ticket turns up before its own that took long to stand", async () => {
    const world = new World();
    const { clock } = world;
    const [holder, first, slow, last] = [world.process(), world.process(), world.process(), world.process()];
    const held = await holder.mutex.locker("job", FAIR).lock();
    const soon = first.mutex.locker("job", FAIR).lock();
    await clock.advance(1_500);
    slow.store.applyLate("acquire", 2_900, { after: 1, times: 1 });
    void slow.mutex.locker("job", FAIR).lock();
    await clock.advance(2_300);
    const looking = last.store.hang("list", { after: 1 });
    const waiting = last.mutex.locker("job", FAIR).lock();
    await clock.advance(100);
    await held.release();
    // Handed to the last one, who does not look before the slow one's ticket stands.
    await (await world.until(soon, 300)).release();
    await clock.advance(700);
    looking.heal();
    expect((await world.until(waiting, 4_000)).isHeld).toBe(true);
  });

  it("a ticket that ran out while its owner stood still is made anew, and the next waiter asks", async () => {
    const world = new World();
    const { clock } = world;
    const [holder, first, second] = [world.process(), world.process(), world.process()];
    const held = await holder.mutex.locker("job", FAIR).lock();
    // The next one that lists would sweep it away.
    for (const { store } of [holder, second]) store.failBefore("remove");
    first.store.hang("renew");
    void first.mutex.locker("job", FAIR).lock();
    await clock.advance(2_500);
    const waiting = second.mutex.locker("job", FAIR).lock();
    await clock.advance(57_400);
    first.store.hang("all");
    const looking = second.store.hang("list");
    await clock.advance(300);
    await held.release();
    await clock.advance(300);
    first.store.heal();
    await clock.advance(1_500);
    looking.heal();
    expect((await world.until(waiting, 1_000)).isHeld).toBe(true);
  });

  it.each([
    ["got no answer", { lapses: false }],
    ["was out of the queue for a while", { lapses: true }],
  ])("a waiter that %s asks for the lock thrice, wherever it stands in line", async (_, { lapses }) => {
    const world = new World();
    await world.process().mutex.locker("job", FAIR).lock();
    void world.process().mutex.locker("job", FAIR).lock();
    await world.clock.advance(2_500);
    const { store, mutex } = world.process();
    const asked = (): number[] =>
      store.calls.flatMap(({ operation, key, at }) => (operation === "acquire" && key === "job" ? [at] : []));
    if (lapses) store.hang("renew");
    else store.failBefore("acquire", { times: 1 });
    void mutex.locker("job", FAIR).lock();
    await world.clock.advance(lapses ? 59_000 : 150);
    const before = asked().length;
    await world.clock.advance(20_000);
    const [one = 0, two = 0, three = 0, ...more] = asked().slice(before);
    expect([two - one, three - one, more]).toEqual([2_800, 9_800, []]);
  });

  it("a waiter that gives up after the lock was granted hands it to the first in line", async () => {
    const world = new World();
    const [holder, first, second] = [world.process(), world.process(), world.process()];
    const held = await holder.mutex.locker("job", FAIR).lock();
    const stop = new AbortController();
    const given = expect(first.mutex.locker("job", FAIR).lock({ signal: stop.signal })).rejects.toBe("enough");
    await world.clock.advance(1_500);
    const waiting = second.mutex.locker("job", FAIR).lock();
    await world.clock.advance(1_500);
    const stuck = first.store.hang("writeMetadata");
    await held.release();
    await world.clock.advance(500);
    expect(stuck.hits).toBe(1);
    stop.abort("enough");
    await given;
    expect((await world.until(waiting, 500)).isHeld).toBe(true);
    expect([first.store.count("change"), first.store.count("release")]).toEqual([1, 0]);
  });

  it("and so does one that gives up before it had a ticket", async () => {
    const world = new World();
    const [holder, first, newcomer] = [world.process(), world.process(), world.process()];
    await holder.mutex.locker("job", FAIR).lock();
    const waiting = first.mutex.locker("job", FAIR).lock();
    await world.clock.advance(1_500);
    // The holder dies, and the newcomer is the first to ask when its lease has run out.
    holder.store.hang("all");
    await world.clock.advance(27_500);
    first.store.hang("acquire");
    await world.clock.advance(1_500);
    const answering = newcomer.store.delayAnswer("acquire", 500, { times: 1 });
    const stop = new AbortController();
    const given = expect(newcomer.mutex.locker("job", FAIR).lock({ signal: stop.signal })).rejects.toBe("enough");
    await world.clock.advance(100);
    expect(answering.hits).toBe(1);
    stop.abort("enough");
    await given;
    await world.clock.advance(1_000);
    first.store.heal();
    expect((await world.until(waiting, 5_000)).isHeld).toBe(true);
    expect([newcomer.store.count("change"), newcomer.store.count("release")]).toEqual([1, 0]);
  });

  it("a process whose tasks all read their conditions lets others in when it has had its share", async () => {
    const world = new World();
    const locker = world.process().mutex.locker("job", { handOverMs: 2_000 });
    const stop = new AbortController();
    const busy = Array.from({ length: 5 }, async () => {
      while (!stop.signal.aborted) {
        await locker.run(async (lock: Lock) => {
          expect(lock.conditions.leaseId).toBe(lock.leaseId);
          await new Promise<void>((resolve) => world.clock.setTimer(100, resolve));
        });
      }
    });
    await world.clock.advance(5_000);
    const began = world.clock.now();
    const rival = await world.until(world.process().mutex.locker("job").lock());
    expect(world.clock.now() - began).toBeLessThan(4_000);
    stop.abort();
    await rival.release();
    await world.until(Promise.all(busy));
  });
});
