import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AccessDeniedError } from "../../../src/errors.ts";
import type { Lock } from "../../../src/locks/lock.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { World } from "../../support/world.ts";

/** Locks and unlocks once, and gives the token. */
async function token(world: World, process: ReturnType<World["process"]>, key = "job"): Promise<number> {
  const locker = process.mutex.locker(key);
  const lock: Lock = await world.until(locker.lock());
  await world.until(locker.unlock());
  expect(lock.fencingToken).toSatisfy(Number.isSafeInteger);
  return lock.fencingToken as number;
}

describe("fencing tokens strictly grow", () => {
  it("within a process and across processes", async () => {
    const world = new World();
    const processes = [world.process(), world.process(), world.process()];
    let last = 0;
    for (const n of [0, 0, 1, 0, 2, 2, 1, 1, 0]) {
      const next = await token(world, processes[n] as (typeof processes)[0]);
      expect(next).toBeGreaterThan(last);
      last = next;
    }
  });

  it("across deletion and re-creation of the blob, a second apart", async () => {
    const world = new World();
    const first = await token(world, world.process());
    await world.clock.advance(1_000);
    await world.memory.remove("job");
    expect(await token(world, world.process())).toBeGreaterThan(first);
  });

  it("across deletion and re-creation within one second, in one process", async () => {
    const world = new World();
    const process = world.process();
    const first = await token(world, process);
    await world.memory.remove("job");
    expect(await token(world, process)).toBeGreaterThan(first);
  });

  it("across a foreign Put Blob that wipes the metadata in the very second of the last token", async () => {
    const world = new World();
    const first = await token(world, world.process());
    await world.memory.putBlob("job");
    expect(await token(world, world.process())).toBeGreaterThan(first);
  });

  it("across a wipe by a process that goes on from its own block", async () => {
    const world = new World();
    const process = world.process();
    const first = await token(world, process);
    await world.memory.putBlob("job");
    expect(await token(world, process)).toBeGreaterThan(first);
  });

  it("across holders with fencing: false in between, who leave the block as it is", async () => {
    const world = new World();
    const process = world.process();
    const first = await token(world, process);
    const plain = world.process().mutex.locker("job", { fencing: false });
    const lock = await world.until(plain.lock());
    expect(lock.fencingToken).toBeUndefined();
    await plain.unlock();
    process.store.forgetCalls();
    expect(await token(world, process)).toBe(first + 1);
    expect(process.store.count()).toBe(2);
  });

  it("across a blob that a holder with fencing: false created", async () => {
    const world = new World();
    const plain = world.process().mutex.locker("job", { fencing: false });
    await world.until(plain.lock());
    await plain.unlock();
    const first = await token(world, world.process());
    expect(await token(world, world.process())).toBeGreaterThan(first);
  });

  it("when a block is used up, and when the second's tokens are", async () => {
    const world = new World();
    const process = world.process();
    let last = 0;
    for (let n = 0; n < 1_024 * 3 + 5; n += 1) {
      const next = await token(world, process);
      expect(next).toBeGreaterThan(last);
      last = next;
    }
    expect(process.store.count("writeMetadata")).toBe(3);
    expect(process.store.count("read")).toBe(0);
  });

  it("and never reach into a second that has not begun, however fast blocks are used up", async () => {
    const world = new World();
    const { mutex } = world.process();
    const secondOf = async () => {
      const found = await world.memory.read("job");
      return Math.floor((found.kind === "found" ? found.blob.date : Number.NaN) / 1_000);
    };
    // Every change of purpose takes a new block, so that a second's million tokens are gone after 977 of them.
    for (let n = 0; n < 1_000; n += 1) {
      const locker = mutex.locker("job", { purpose: n % 2 === 0 ? "even" : "odd" });
      const lock = await world.until(locker.lock(), 2_000);
      expect(lock.fencingToken).toBeLessThan(((await secondOf()) + 1) * 1e6);
      await locker.unlock();
    }
    expect(world.clock.now()).toBeGreaterThanOrEqual(1_000);
  });

  it("across a crash between acquire and record", async () => {
    const world = new World();
    const first = await token(world, world.process());
    const crashing = world.process();
    crashing.store.hang("writeMetadata");
    void crashing.mutex
      .locker("job")
      .lock()
      .catch(() => undefined);
    await world.clock.advance(100);
    crashing.store.hang("all");
    expect(await token(world, world.process())).toBeGreaterThan(first);
  });

  it("when the blob was created by our own create that got no answer, dated by an older second", async () => {
    const world = new World();
    const slow = world.process();
    slow.store.applyLate("create", 2_500, { times: 1 });
    const slowly = slow.mutex.locker("job").lock();
    await world.clock.advance(1_500);
    const fast = world.process();
    const first = await token(world, fast);
    await world.memory.remove("job");
    const lock = await world.until(slowly);
    expect(lock.fencingToken).toBeGreaterThan(first);
  });

  it("from a record whose top is ahead of the service's clock", async () => {
    const world = new World();
    const ahead = 9e15 - 5_000;
    const record = { top: ahead, nonce: "x", writtenAt: 0, holder: { name: "n", host: "h", pid: 1 }, leaseSeconds: 30 };
    await world.memory.putBlob("job", { metadata: { azmutex: JSON.stringify(record) } });
    expect(await token(world, world.process())).toBe(ahead + 1);
  });

  it("until they would cease to be safe integers, which is refused", async () => {
    const world = new World();
    const record = {
      top: Number.MAX_SAFE_INTEGER - 3,
      nonce: "x",
      writtenAt: 0,
      holder: { name: "n", host: "h", pid: 1 },
      leaseSeconds: 30,
    };
    await world.memory.putBlob("job", { metadata: { azmutex: JSON.stringify(record) } });
    await expect(token(world, world.process())).rejects.toMatchObject({ code: "STORE_REFUSED" });
    expect(await world.leaseState("job")).toBe("available");
  });

  it("in any order of locking, wiping, deleting, crashing and losing answers, a second apart", async () => {
    const step = fc.constantFrom(
      "lock",
      "lock",
      "lock",
      "wipe",
      "delete",
      "loseRecord",
      "loseCreate",
      "plain",
      "second",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.nat(2)), { minLength: 5, maxLength: 25 }), async (steps) => {
        const world = new World();
        const processes = [world.process(), world.process(), world.process()];
        let last = 0;
        for (const [what, n] of steps) {
          const process = processes[n] as (typeof processes)[0];
          if (what === "lock") {
            const next = await token(world, process);
            expect(next).toBeGreaterThan(last);
            last = next;
          }
          if (what === "wipe") await world.memory.putBlob("job");
          if (what === "delete") {
            await world.clock.advance(1_000);
            await world.memory.remove("job");
          }
          if (what === "loseRecord") process.store.failAfter("writeMetadata", { times: 1 });
          if (what === "loseCreate") process.store.failAfter("create", { times: 1 });
          if (what === "plain") await world.until(process.mutex.locker("job", { fencing: false }).run(() => undefined));
          if (what === "second") await world.clock.advance(1_000);
        }
      }),
      { numRuns: 300, seed: 20_261_123 },
    );
  });
});

describe("the record", () => {
  it("tells who holds the lock, for what, and since when, and leaves foreign metadata alone", async () => {
    const world = new World();
    await world.memory.putBlob("job", { content: "precious", metadata: { owner: "billing" } });
    await world.clock.advance(5_000);
    const { mutex } = world.process();
    await world.until(mutex.locker("job", { holder: "deploy 7", purpose: "Größe ändern 🔒" }).lock());
    const status = await world.until(mutex.inspect("job"));
    expect(status).toMatchObject({
      isHeld: true,
      state: "leased",
      holder: { name: "deploy 7", host: expect.any(String), pid: process.pid },
      purpose: "Größe ändern 🔒",
      leaseSeconds: 30,
      recordedAt: expect.any(Date),
    });
    const found = await world.memory.read("job");
    expect(found.kind === "found" && found.blob.metadata.owner).toBe("billing");
    expect(world.memory.content("job")).toBe("precious");
  });

  describe("on a blob of others", () => {
    const metadata = { OwnerTeam: "Payments", spTraceFormat: "v2", flag: "", UPPER: "a  b" };

    async function written(world: World, key = "job"): Promise<object> {
      const found = await world.memory.read(key, { asWritten: true });
      if (found.kind === "missing") return expect.fail();
      const { azmutex, azmutex_kind, ...rest } = found.blob.metadata;
      expect(azmutex).toBeDefined();
      expect(azmutex_kind).toMatch(/^(?:lock|election)$/);
      return rest;
    }

    it("leaves their entries as they are, in name and value, for one request more a record", async () => {
      const world = new World();
      await world.memory.putBlob("job", { content: "precious", metadata });
      await world.clock.advance(5_000);
      const processes = [world.process(), world.process()] as const;
      for (const process of [...processes, ...processes]) {
        process.store.forgetCalls();
        await token(world, process);
        expect(process.store.calls.map(({ operation }) => operation)).toEqual([
          "acquire",
          "read",
          "read",
          "writeMetadata",
          "release",
        ]);
        expect(await written(world)).toEqual(metadata);
      }
      // Who wrote it last knows how it is written.
      processes[1].store.forgetCalls();
      await token(world, processes[1]);
      expect(processes[1].store.calls.map(({ operation }) => operation)).toEqual(["acquire", "release"]);
    });

    it.each([
      ["content", { content: "x", metadata: { flag: "" } }],
      ["entries", { metadata: { Owner: "me", flag: "" } }],
    ])("leaves entries without a value where it bears %s", async (_, put) => {
      const world = new World();
      await world.memory.putBlob("job", put);
      for (let n = 0; n < 3; n += 1) await token(world, world.process());
      expect(await written(world)).toEqual(put.metadata);
    });

    it("leaves them in what a leader announces, and for the next in line", async () => {
      const world = new World();
      await world.memory.putBlob("office", { metadata });
      await world.clock.advance(5_000);
      const leadership = await world.until(
        new LeaderElection(world.process().mutex, "office", { data: "a" }).campaign(),
      );
      await world.until(leadership.proclaim("b"));
      const next = new LeaderElection(world.process().mutex, "office", { data: "c", fair: true }).campaign();
      await world.clock.advance(8_000);
      await world.until(leadership.resign());
      await world.until(next);
      expect(await written(world, "office")).toEqual(metadata);
    });

    it("takes the name of our own entry in whatever case it was written", async () => {
      const world = new World();
      const first = await token(world, world.process());
      const found = await world.memory.read("job");
      if (found.kind === "missing") return expect.fail();
      await world.memory.putBlob("job", { content: "x", metadata: { Azmutex: found.blob.metadata.azmutex ?? "" } });
      expect(await token(world, world.process())).toBeGreaterThan(first);
      expect(await written(world)).toEqual({});
    });

    it("is not written where only a listing could tell how names are written, and may not be made", async () => {
      const world = new World();
      await world.memory.putBlob("job", { metadata });
      const { store, mutex } = world.process();
      store.failBefore("read", { after: 1, error: new AccessDeniedError("403", "job") });
      await expect(world.until(mutex.locker("job").lock())).rejects.toMatchObject({
        code: "ACCESS_DENIED",
        message: expect.stringContaining("grant the right to list, or use fencing: false"),
      });
      await world.clock.advance(10);
      expect(await world.leaseState("job")).toBe("available");
      expect(await world.memory.read("job", { asWritten: true })).toMatchObject({ blob: { metadata } });
    });

    it("is read again if it was written between the two reads", async () => {
      const world = new World();
      await world.memory.putBlob("job", { metadata });
      await world.clock.advance(5_000);
      const { store, mutex } = world.process();
      const locker = mutex.locker("job");
      store.delay("read", 1_000, { after: 1, times: 1 });
      const locking = locker.lock();
      await world.clock.advance(500);
      await world.memory.break("job", { periodSeconds: 0 });
      await world.memory.putBlob("job", { metadata: { Other: "1" } });
      const lock = await world.until(locking);
      expect(lock.isHeld).toBe(true);
      expect(await written(world)).toEqual({ Other: "1" });
    });
  });

  it("announces no leader before there is a holder: the blob's creator may not be the first to get it", async () => {
    const world = new World();
    const { store, mutex } = world.process();
    const election = new LeaderElection(mutex, "office", { data: "http://10.0.0.7" });
    const campaign = election.campaign();
    // Between its create and its acquire, another is faster.
    const created = store.delayAnswer("create", 500);
    await world.clock.advance(100);
    expect(await world.stranger("office")).toBe("acquired");
    expect(await world.until(election.leader())).toBeUndefined();
    created.heal();
    const leadership = await world.until(campaign);
    expect(await world.until(election.leader())).toMatchObject({ term: leadership.term, data: "http://10.0.0.7" });
  });

  it("is written anew when another locker of the process has another purpose", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.locker("job", { purpose: "one" }).run(() => undefined));
    store.forgetCalls();
    await world.until(mutex.locker("job", { purpose: "two" }).run(() => undefined));
    expect(store.count()).toBe(3);
    expect(await world.until(mutex.inspect("job"))).toMatchObject({ purpose: "two" });
  });

  it.each(["", "{", "null", "[]", '{"top":"x"}', '{"top":-1,"nonce":"x","writtenAt":0,"leaseSeconds":30,"holder":{}}'])(
    "that is not ours (%j) is taken for none, and written over",
    async (text) => {
      const world = new World();
      await world.memory.putBlob("job", { metadata: { azmutex: text } });
      expect(await world.until(world.process().mutex.inspect("job"))).not.toHaveProperty("holder");
      expect(await token(world, world.process())).toBeGreaterThan(1e15);
      expect(await world.until(world.process().mutex.inspect("job"))).toHaveProperty("holder");
    },
  );
});
