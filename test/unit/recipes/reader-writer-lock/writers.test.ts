import { describe, expect, it } from "vitest";
import { LockTimeoutError } from "../../../../src/errors.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { LEASE_MS, operations, POLL_MS, RENEW_EVERY_MS, setup } from "./setup.ts";

describe("writers", () => {
  it("take four requests to write and let go if their process wrote last, and five if another did", async () => {
    const { cycle, here, there } = setup();
    await cycle(here.lock.write.lock());
    for (const [party, expected] of [
      [here, ["acquire", "writeMetadata", "list", "release"]],
      [there, ["acquire", "read", "writeMetadata", "list", "release"]],
    ] as const) {
      party.store.forgetCalls();
      await cycle(party.lock.write.lock());
      expect(operations(party.store)).toEqual(expected);
    }
  });

  it("of one process hand the lock on, and each looks for readers itself", async () => {
    const { world, write, here } = setup();
    const first = await write(here);
    const waiting = here.lock.write.lock();
    here.store.forgetCalls();
    await first.release();
    const second = await world.until(waiting, 0);
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken as number);
    expect(operations(here.store)).toEqual(["writeMetadata", "list"]);
  });

  it("get a lock that is good for a while, also if no renewal was answered while they waited for readers", async () => {
    const { world, clock, read, here, there } = setup();
    const reading = await read(there);
    const writing = here.lock.write.lock();
    await clock.advance(2_000);
    here.store.failBefore("renew");
    await clock.advance(20_000);
    await world.until(reading.release());
    here.store.forgetCalls();
    // The look that shows that the last reader has gone.
    while (here.store.count("list") === 0) await clock.advance(1);
    here.store.heal();
    const written = await world.until(writing, 2_000);
    expect(written.remainingMs).toBeGreaterThan(LEASE_MS / 3);
  });

  it("who try are given no lock that is uncertain, as the machine slept while they looked for readers", async () => {
    const { world, clock, here } = setup();
    here.store.delayAnswer("list", 100);
    const trying = here.lock.write.tryLock();
    while (here.store.count("list") === 0) await clock.advance(1);
    clock.suspend(2_000);
    (await world.until(trying, 2_000))?.assertHeld();
    expect(here.store.count("renew")).toBe(1);
  });

  it("keep their own lease while they wait for readers, and begin anew if it is lost", async () => {
    const { world, clock, read, here, there } = setup();
    const reading = await read(here);
    const writing = there.lock.write.lock();
    await clock.advance(65_000);
    expect(await world.leaseState("config")).toBe("leased");
    expect(there.store.count("renew")).toBe(6);
    await world.memory.break("config", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS + 2_000);
    await world.until(reading.release());
    const written = await world.until(writing, 2 * POLL_MS);
    await clock.advance(60_000);
    written.assertHeld();
  });
});

describe("with fair: true", () => {
  it("readers and writers of all processes go in in the order they came", async () => {
    const { world, clock, process } = setup({ fair: true });
    const processes = [process(), process(), process()];
    for (const { store } of processes) store.delay("all", 5);
    const first = await world.until((processes[0] as (typeof processes)[0]).lock.write.lock());
    const order: string[] = [];
    const tasks: Promise<void>[] = [];
    const plan = ["w1", "r1", "r2", "r3", "w2", "w3", "r4", "r5", "w4", "r6"];
    for (const [n, name] of plan.entries()) {
      const { lock } = processes[n % 3] as (typeof processes)[0];
      const side = name.startsWith("w") ? lock.write : lock.read;
      tasks.push(
        side.run(async () => {
          order.push(name);
          await sleep(clock, 2_000);
        }),
      );
      await clock.advance(1_500);
    }
    await world.until(first.release());
    await world.until(Promise.all(tasks), 300_000);
    // Those who read together may do so in any order.
    const together = (names: readonly string[]): string =>
      names
        .join(" ")
        .replace(/(?:r\d ?)+/g, (readers) => `${readers.trim().split(" ").sort().join("+")} `)
        .trim();
    expect(together(order)).toBe(together(plan));
  });

  it("readers read together, also if they came from several processes", async () => {
    const { world, clock, write, process, here } = setup({ fair: true });
    const written = await write(here);
    let reading = 0;
    let most = 0;
    const readers = Array.from({ length: 5 }, () =>
      process().lock.read.run(async () => {
        reading += 1;
        most = Math.max(most, reading);
        await sleep(clock, 20_000);
        reading -= 1;
      }),
    );
    await clock.advance(3_000);
    await world.until(written.release());
    await world.until(Promise.all(readers));
    expect(most).toBe(5);
  });

  it("a reader who came after a writer goes in after it, also if its process reads already", async () => {
    const { world, clock, read, here, there } = setup({ fair: true });
    const reading = await read(here);
    await clock.advance(500);
    const order: string[] = [];
    const writing = there.lock.write.run(() => void order.push("writer"));
    await clock.advance(1_500);
    const late = here.lock.read.run(() => void order.push("late reader"));
    await clock.advance(3_000);
    await world.until(reading.release());
    await world.until(Promise.all([writing, late]), 60_000);
    expect(order).toEqual(["writer", "late reader"]);
  });

  it("the first writer after readers need not wait for its first token, though readers made the blob", async () => {
    const { world, clock, cycle, here, there } = setup({ fair: true });
    await clock.advance(500);
    const reading = await world.until(here.lock.read.lock());
    await world.until(reading.release());
    const began = clock.now();
    await cycle(there.lock.write.lock());
    expect(clock.now() - 3_000 - began).toBeLessThanOrEqual(POLL_MS);
  });

  it("a writer who gives up while it waits for readers lets the next in line go in", async () => {
    const { world, clock, read, process, here, there } = setup({ fair: true });
    const reading = await read(here);
    const given = expect(there.lock.write.lock({ timeoutMs: 8_000 })).rejects.toBeInstanceOf(LockTimeoutError);
    await clock.advance(4_000);
    const late = process().lock.read.lock();
    await clock.advance(3_999);
    await clock.advance(1);
    await given;
    expect((await world.until(late, 15_000)).isHeld).toBe(true);
    reading.assertHeld();
  });
});
