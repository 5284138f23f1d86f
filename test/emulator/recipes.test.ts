import { randomUUID } from "node:crypto";
import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { takeAll } from "../../lab/shared/take-all.ts";
import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { BreakResult } from "../../src/locks/break-lease.ts";
import type { Holding } from "../../src/locks/holding.ts";
import type { Leader } from "../../src/recipes/election/leader.ts";
import { LeaderElection, type LeaderElectionOptions } from "../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../src/recipes/reader-writer/reader-writer-lock.ts";
import { type Permit, Semaphore, type SemaphoreOptions } from "../../src/recipes/semaphore/semaphore.ts";
import type { LockStatus } from "../../src/status/lock-status.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import { ownTime } from "../support/own-time.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const { proxy } = storage;
const measured: string[] = [];

afterAll(async () => {
  console.info(["requests of recipes, counted at the HTTP level:", ...measured].join("\n  "));
  await storage[Symbol.asyncDispose]();
});

let client: ContainerClient;
let container: string;
let key: string;
/** Two processes, as far as azmutex goes. */
let here: AzureMutex;
let there: AzureMutex;
let began: number;
beforeEach(async () => {
  began = performance.now();
  client = await storage.newContainer();
  container = client.containerName;
  key = randomUUID();
  here = storage.mutex(container, PATIENT);
  there = storage.mutex(container, PATIENT);
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** As long as the default lease allows: on a busy machine nothing is sent again while requests are counted. */
const PATIENT = { tryTimeoutMs: 7_000 };
/** A holder that lost it learns that soon. */
const RENEWED_OFTEN = { renewEveryMs: 1_500 };
const SHORT = { ...RENEWED_OFTEN, leaseSeconds: 15, tryTimeoutMs: 3_000 };

/** Resolves with why what is held was lost, when it is. */
async function lossOf({ signal }: Holding): Promise<unknown> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  return signal.reason;
}

type Take = (mutex: AzureMutex) => Promise<Holding>;

const leads =
  (options: LeaderElectionOptions = {}): Take =>
  (mutex) =>
    new LeaderElection(mutex, key, options).campaign();
const permit =
  (options: Partial<SemaphoreOptions> = {}): Take =>
  (mutex) =>
    new Semaphore(mutex, key, { permits: 1, ...options }).acquire();
const side =
  (name: "read" | "write", options: LockerOptions = {}): Take =>
  (mutex) =>
    new ReaderWriterLock(mutex, key, options)[name].lock();
const several =
  (names: readonly string[], options: LockerOptions = {}): Take =>
  (mutex) =>
    takeAll(
      mutex,
      names.map((name) => `${key}-${name}`),
      options,
    );

async function cycle(taking: Promise<Holding>): Promise<void> {
  const held = await taking;
  await proxy.quiet();
  await held.release();
  await proxy.quiet();
}

/**
 * Runs what is to be measured, and gives the operations it sent: what goes on in the background belongs to what began
 * it.
 */
async function requestsOf(name: string, run: () => Promise<unknown>): Promise<string> {
  proxy.forgetRequests();
  await run();
  await proxy.quiet();
  // A holder of the test before that did not give its lock back may renew it yet.
  const sent = proxy.requests.filter(({ path }) => path.includes(container)).map(({ operation }) => operation);
  // On a busy machine what is held meanwhile comes to be renewed, which it is after 5 s or more.
  const mayBeRenewed = performance.now() - began > 4_500;
  const operations = sent.filter((operation) => !(mayBeRenewed && operation === "renew")).join(" ");
  measured.push(`${name}: ${operations === "" ? 0 : operations.split(" ").length} (${operations || "none"})`);
  return operations;
}

interface Budget {
  readonly what: string;
  readonly take: Take;
  /** Who held it last. Default: this process. */
  readonly last?: "this process" | "another process" | "none" | "none of this one";
  readonly taking: string;
  readonly release: string;
}

const RECORD = "read writeMetadata";
const CREATE = "acquire create acquire";
const fair = true;
const fencing = false;
const BUDGETS: readonly Budget[] = [
  { what: "campaign", take: leads(), taking: "acquire writeMetadata", release: "writeMetadata release" },
  {
    what: "campaign",
    take: leads(),
    last: "another process",
    taking: `acquire ${RECORD}`,
    release: "writeMetadata release",
  },
  {
    what: "campaign",
    take: leads(),
    last: "none",
    taking: `${CREATE} writeMetadata`,
    release: "writeMetadata release",
  },
  {
    what: "campaign, fair",
    take: leads({ fair }),
    taking: "acquire writeMetadata",
    release: "writeMetadata list release",
  },

  { what: "permit", take: permit(), taking: "list acquire", release: "release" },
  { what: "permit", take: permit(), last: "another process", taking: `list acquire ${RECORD}`, release: "release" },
  { what: "permit", take: permit(), last: "none", taking: `list create ${CREATE} list`, release: "release" },
  {
    what: "permit of 1,000",
    take: permit({ permits: 1_000 }),
    last: "none of this one",
    taking: `list ${CREATE}`,
    release: "release",
  },
  {
    what: "permit, fencing: false",
    take: permit({ fencing }),
    last: "another process",
    taking: "list acquire",
    release: "release",
  },
  { what: "permit, fair", take: permit({ fair }), taking: "acquire list acquire list release", release: "release" },
  {
    what: "permit, fair",
    take: permit({ fair }),
    last: "another process",
    taking: `acquire list acquire ${RECORD} list release`,
    release: "release",
  },

  { what: "read lock", take: side("read"), taking: "acquire read", release: "release" },
  { what: "read lock", take: side("read"), last: "another process", taking: `${CREATE} read`, release: "release" },
  { what: "read lock, fair", take: side("read", { fair }), taking: "acquire read", release: "release" },
  { what: "write lock", take: side("write"), taking: "acquire writeMetadata list", release: "release" },
  {
    what: "write lock",
    take: side("write"),
    last: "another process",
    taking: `acquire ${RECORD} list`,
    release: "release",
  },
  { what: "write lock", take: side("write"), last: "none", taking: `${CREATE} writeMetadata list`, release: "release" },
  { what: "write lock, fencing: false", take: side("write", { fencing }), taking: "acquire list", release: "release" },
  {
    what: "write lock, fair",
    take: side("write", { fair }),
    taking: "acquire writeMetadata list",
    release: "list release",
  },

  { what: "lockAll of 2", take: several(["b", "a"]), taking: "acquire acquire", release: "release release" },
  {
    what: "lockAll of 2",
    take: several(["b", "a"]),
    last: "another process",
    taking: `acquire ${RECORD} acquire ${RECORD}`,
    release: "release release",
  },
  {
    what: "lockAll of 2",
    take: several(["b", "a"]),
    last: "none",
    taking: `${CREATE} ${CREATE}`,
    release: "release release",
  },
  {
    what: "lockAll of 2, fair",
    take: several(["b", "a"], { fair }),
    taking: "acquire acquire",
    release: "list list release release",
  },
];

describe("the request budget of recipes", () => {
  for (const { what, take, last = "this process", taking, release } of BUDGETS) {
    const name = `${what}, ${last === "none of this one" ? "never held before" : `${last} held it last`}`;
    it(`is ${taking.split(" ").length} + ${release.split(" ").length} for a ${name}`, async () => {
      // A first record is dated within one second; where that turns in between, now and then, it costs a read and a
      // write more.
      for (let tries = 0; tries < 20; tries += 1) {
        // On a busy machine it happens more often than now and then, unless one begins with the second.
        if (tries > 0) await pause(1_005 - (Date.now() % 1_000));
        key = randomUUID();
        if (last === "this process") await cycle(take(here));
        if (last === "another process") await cycle(take(there));
        // Another permit than the one that is then taken.
        const other = last === "none of this one" ? await take(there) : undefined;
        let held: Holding | undefined;
        const sent = [
          await requestsOf(name, async () => {
            held = await take(here);
          }),
          await requestsOf(`${name}: release`, async () => {
            await held?.release();
          }),
        ] as const;
        await other?.release();
        if (last.startsWith("none") && sent[0].length > taking.length) {
          measured.splice(-2);
          continue;
        }
        // Several are given back at the same time.
        expect([sent[0], sent[1].split(" ").sort().join(" ")]).toEqual([taking, release.split(" ").sort().join(" ")]);
        return;
      }
      expect.fail("it took more requests twenty times in a row");
    });
  }

  it("is 2 to read for a hundred tasks of one process together, and 1 when the last of them has let go", async () => {
    await cycle(side("read")(here));
    const ours = new ReaderWriterLock(here, key);
    const readers: Holding[] = [];
    const taking = await requestsOf("100 read locks at once", async () => {
      readers.push(...(await Promise.all(Array.from({ length: 100 }, () => ours.read.lock()))));
    });
    expect(taking).toBe("acquire read");
    expect(
      await requestsOf("100 read locks at once: release", () => Promise.all(readers.map((reader) => reader.release()))),
    ).toBe("release");
  });

  it("is 1 to proclaim, 1 to ask who leads, and 1 bodyless HEAD for each look of an observer", async () => {
    const leadership = await new LeaderElection(there, key, { candidate: "there", data: "10.0.0.7" }).campaign();
    const onlooker = new LeaderElection(here, key);
    let leader: Leader | undefined;
    expect(await requestsOf("leader", async () => (leader = await onlooker.leader()))).toBe("read");
    expect(leader).toMatchObject({ term: leadership.term, candidate: "there", data: "10.0.0.7" });
    expect(Math.abs((leader?.since.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(await requestsOf("proclaim", () => leadership.proclaim("10.0.0.8"))).toBe("writeMetadata");

    const stop = new AbortController();
    const seen: unknown[] = [];
    const began = performance.now();
    const looks = await requestsOf("observe, every 250 ms", async () => {
      const observing = async (): Promise<void> => {
        for await (const found of onlooker.observe({ everyMs: 250, signal: stop.signal })) seen.push(found?.data);
      };
      const observed = expect(observing()).rejects.toBe("enough");
      await expect.poll(() => proxy.count("read"), { interval: 20 }).toBeGreaterThanOrEqual(5);
      stop.abort("enough");
      await observed;
    });
    expect(looks).toMatch(/^(?:read ?){5,}$/);
    // A tenth less at the most.
    expect(looks.split(" ").length).toBeLessThanOrEqual(1 + (performance.now() - began) / 225);
    expect(proxy.requests.every(({ method }) => method === "HEAD")).toBe(true);
    expect(seen).toEqual(["10.0.0.8"]);
    await leadership.resign();
    expect(await onlooker.leader()).toBeUndefined();
  });

  it("is 1 to learn how many permits are free, and 1 for a try when none is, or 4 with fair: true", async () => {
    const held = await permit({ fair })(there);
    await proxy.quiet();
    const ours = new Semaphore(here, key, { permits: 1 });
    expect(await requestsOf("available", () => ours.available())).toBe("list");
    expect(await requestsOf("tryAcquire, none free", () => ours.tryAcquire())).toBe("list");
    const inLine = new Semaphore(here, key, { permits: 1, fair });
    const tried = await requestsOf("tryAcquire, none free, fair", () => inLine.tryAcquire());
    expect(tried).toBe("acquire list list release");
    await held.release();
  });

  it("is 1 for a try to write while another writes, 4 while another reads, and 3 or 1 for a try to read while another writes", async () => {
    const ours = new ReaderWriterLock(here, key);
    await cycle(ours.write.lock());
    await cycle(ours.read.lock());
    const reading = await side("read")(there);
    expect(await requestsOf("write tryLock, another reads", () => ours.write.tryLock())).toBe(
      "acquire writeMetadata list release",
    );
    await reading.release();
    const written = await side("write")(there);
    expect(await requestsOf("write tryLock, another writes", () => ours.write.tryLock())).toBe("acquire");
    const first = await requestsOf("read tryLock, another writes", () => ours.read.tryLock());
    expect(first).toBe("acquire read release");
    expect(await requestsOf("read tryLock, another is known to write", () => ours.read.tryLock())).toBe("read");

    const looks = await requestsOf("looks of 10 readers of a process in 2 s, while another writes", () =>
      Promise.allSettled(Array.from({ length: 10 }, () => ours.read.lock({ timeoutMs: 2_000 }))),
    );
    // 40 to 60 ms apart for 350 ms, then 350 to 850, and one last before the time-out.
    expect(looks).toMatch(/^(?:read ?)+$/);
    expect(looks.split(" ").length).toBeLessThanOrEqual(1 + 350 / 40 + 1 + 1_650 / 350 + 1);
    await written.release();
  });

  it("is 4 to find the one free permit of 1,000", async () => {
    const ours = new Semaphore(here, key, { permits: 1_000 });
    proxy.forgetRequests();
    await cycle(ours.acquire());
    const created = proxy.requests.find(({ operation, path }) => operation === "create" && /semaphore/.test(path));
    const folder = /\.azmutex\/[0-9a-f]+\/semaphore\//.exec(decodeURIComponent(created?.path ?? ""))?.[0] as string;
    const { metadata = {} } = await client.getBlobClient(`${folder}000`).getProperties();
    const occupy = async (n: number): Promise<void> => {
      const blob = client.getBlockBlobClient(`${folder}${String(n).padStart(3, "0")}`);
      if (n > 0) await blob.upload("", 0, { metadata: { azmutex_semaphore: metadata.azmutex_semaphore as string } });
      if (n !== 777) await blob.getBlobLeaseClient().acquireLease(-1);
    };
    for (let n = 0; n < 1_000; n += 50)
      await Promise.all(Array.from({ length: 50 }, (_, offset) => occupy(n + offset)));
    // By then a slot is old enough for its first token.
    await pause(2_100);
    await cycle(permit({ permits: 1_000 })(there));
    let last: Permit | undefined;
    const operations = await requestsOf("tryAcquire, one of 1,000 free", async () => (last = await ours.tryAcquire()));
    expect(last?.slot).toBe(777);
    expect(operations).toBe("list acquire read writeMetadata");
    expect(await requestsOf("tryAcquire, none of 1,000 free", () => ours.tryAcquire())).toBe("list");
    await last?.release();
  });
});

describe("an observer on the emulator", () => {
  const named = async (take: Take, mutex: AzureMutex): Promise<Holding> => {
    const held = await take(mutex);
    await proxy.quiet();
    return held;
  };
  const listed = async (prefix: string): Promise<LockStatus[]> => {
    const found: LockStatus[] = [];
    for await (const status of here.list({ prefix })) found.push(status);
    return found;
  };

  const withoutRenewals = (operations: string): string => operations.replace(/renew ?/g, "").trim();

  it("sees all keys in 1 request, those too that sort before the helper blobs", async () => {
    const keys = ["!first", "-a", ".azmutey", "0", "last"];
    for (const name of keys) {
      await new Semaphore(there, name, { permits: 2, holder: "p" }).acquire();
      // A key is used as one thing, until its blob is deleted.
      await client.deleteBlob(name);
      await there.locker(name, { holder: "l" }).lock();
    }
    await proxy.quiet();
    let all: LockStatus[] = [];
    expect(withoutRenewals(await requestsOf("list of the whole container", async () => (all = await listed(""))))).toBe(
      "list",
    );
    expect(all.map((status) => status.key)).toEqual(keys);
    for (const { holder, semaphore } of all)
      expect([holder?.name, semaphore?.held[0]?.holder?.name]).toEqual(["l", "p"]);
  });

  it("sees in 2 requests, and 2 for all keys, who holds permits and who reads, and who waits for the gate", async () => {
    const a = (await named(permit({ permits: 2, holder: "a", purpose: "reports", fair }), here)) as Permit;
    await named(permit({ permits: 2, holder: "b", fencing, fair }), there);
    await client.deleteBlob(key);
    await named(side("read", { holder: "r" }), there);
    let status = {} as LockStatus;
    const looks = await requestsOf("inspect", async () => (status = await here.inspect(key)));
    expect(looks.split(" ").sort()).toEqual(["list", "read"]);
    expect(status).toMatchObject({ key, state: "available", isHeld: false, waiting: [] });
    expect(status).toMatchObject({ kind: "reader-writer-lock", mixedKinds: ["reader-writer-lock", "semaphore"] });
    expect(status.readers).toMatchObject([{ state: "leased", holder: { name: "r" } }]);
    expect(status.semaphore).toMatchObject({ permits: 2, waiting: [], isGateTaken: false });
    const held = status.semaphore?.held ?? [];
    expect(held.map(({ slot, state }) => [slot, state])).toEqual([
      [0, "leased"],
      [1, "leased"],
    ]);
    expect(held[a.slot]).toMatchObject({
      holder: { name: "a" },
      purpose: "reports",
      leaseSeconds: 30,
      highestToken: expect.any(Number),
    });
    expect(Math.abs((held[a.slot]?.recordedAt?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(held[1 - a.slot]).not.toHaveProperty("holder");
    let all: LockStatus[] = [];
    expect(await requestsOf("list", async () => (all = await listed(key)))).toBe("list list");
    expect(all).toEqual([status]);

    const waiting = ["c", "d"].map((holder) => permit({ permits: 2, holder, fair })(storage.mutex(container)));
    await expect
      .poll(async () => (await here.inspect(key)).semaphore)
      .toMatchObject({ isGateTaken: true, waiting: { length: 1 } });
    for (const { semaphore } of [await here.inspect(key), ...(await listed(key))]) {
      // One of the two is at the gate.
      expect([semaphore?.isGateTaken, semaphore?.waiting?.length]).toEqual([true, 1]);
    }
    await here.break(key, { permit: 0, periodSeconds: 0 });
    await here.break(key, { permit: 1, periodSeconds: 0 });
    for (const next of await Promise.all(waiting)) await next.release();
  });

  it("breaks one permit in 2 requests, and its holder learns that at its next renewal", async () => {
    const one = (await named(permit({ permits: 2, holder: "a", ...SHORT }), here)) as Permit;
    const other = (await named(permit({ permits: 2, holder: "b", ...SHORT }), there)) as Permit;
    expect(await here.break(key, { permit: one.slot, ifHolder: "b" })).toMatchObject({
      outcome: "heldByAnother",
      holder: { name: "a" },
    });
    let broken: BreakResult | undefined;
    const sent = await requestsOf("break of a permit", async () => {
      broken = await here.break(key, { permit: one.slot, ifHolder: "a", periodSeconds: 2 });
    });
    expect(withoutRenewals(sent)).toBe("read break");
    expect(broken).toMatchObject({ outcome: "broken", holder: { name: "a" } });
    expect(await lossOf(one)).toMatchObject({ code: "LOCK_LOST", why: "broken", key });
    expect(other.isHeld).toBe(true);
    const next = await permit({ permits: 2 })(there);
    expect((next as Permit).slot).toBe(one.slot);
    await Promise.all([next.release(), other.release()]);
  });

  it("breaks all who read under one name in 1 request and 1 for each process, and lets the writer in", async () => {
    const readers = [
      await named(side("read", { holder: "a", ...SHORT }), here),
      await named(side("read", { holder: "a", ...RENEWED_OFTEN }), there),
    ];
    const other = await named(side("read", { holder: "b" }), storage.mutex(container));
    let broken: BreakResult | undefined;
    const sent = await requestsOf("break of two readers", async () => {
      broken = await here.break(key, { reader: "a", periodSeconds: 2 });
    });
    expect(withoutRenewals(sent)).toBe("list break break");
    expect(broken).toMatchObject({ outcome: "broken", freeInSeconds: 2, holder: { name: "a" } });
    expect(
      withoutRenewals(await requestsOf("break of an unknown reader", () => here.break(key, { reader: "x" }))),
    ).toBe("list");
    await other.release();
    const writing = side("write")(storage.mutex(container));
    for (const reader of readers) expect(await lossOf(reader)).toMatchObject({ code: "LOCK_LOST", why: "broken", key });
    const written = await writing;
    expect(written.isHeld).toBe(true);
    await written.release();
  });

  it("sees the longest keys, holders and purposes there can be", async () => {
    for (const letter of ["x", "漢"]) {
      key = `${randomUUID()}${letter.repeat(1_024 - 36)}`;
      const holder = letter.repeat(256);
      const held = await named(permit({ permits: 1_000, holder, purpose: letter.repeat(1_024) }), here);
      expect(await listed(key.slice(0, 36))).toMatchObject([
        { key, semaphore: { permits: 1_000, held: [{ slot: 0, holder: { name: holder } }] } },
      ]);
      await held.release();
    }
    key = `${randomUUID()}${"漢".repeat(300)}`;
    const reading = await named(side("read", { holder: "漢".repeat(256) }), here);
    expect(await listed(key.slice(0, 36))).toMatchObject([{ key, readers: [{ holder: { name: "漢".repeat(256) } }] }]);
    await reading.release();
  });
});

describe("an election on the emulator", () => {
  it("carries data of 4,096 bytes as it is stored, a candidate of 256 letters beyond ASCII, and any text at all", async () => {
    const longest = "\u{1F680}".repeat(341);
    const ours = new LeaderElection(here, key, { candidate: "é".repeat(256), data: longest });
    const leadership = await ours.campaign();
    expect(await ours.leader()).toMatchObject({ candidate: "é".repeat(256), data: longest });
    for (const data of ["", " a ", "a\r\nb: c", '"\\', "\u0000\u007f\u2028", "x".repeat(4_094)]) {
      await leadership.proclaim(data);
      expect((await ours.leader())?.data).toBe(data);
    }
    await leadership.resign();
  });
});

describe("two processes exclude each other on the emulator, and neither waits for a lease to run out,", () => {
  const recipes: readonly (readonly [name: string, one: Take, other: Take])[] = [
    ["as leaders", leads(), leads()],
    ["with a semaphore", permit(), permit()],
    ["with a fair semaphore", permit({ fair }), permit({ fair })],
    ["as writers", side("write"), side("write")],
    ["as reader and writer", side("read"), side("write")],
    ["as reader and writer in a fair queue", side("read", { fair }), side("write", { fair })],
    ["with several locks in opposite orders", several(["a", "b", "c"]), several(["c", "b", "a"])],
  ];
  it.each(recipes)("%s", async (_name, one, other) => {
    let inside = 0;
    let most = 0;
    const turns = async (mutex: AzureMutex, take: Take): Promise<void> => {
      for (let turn = 0; turn < 4; turn += 1) {
        const held = await take(mutex);
        inside += 1;
        most = Math.max(most, inside);
        await pause(20);
        held.assertHeld();
        inside -= 1;
        await held.release();
        await pause(5);
      }
    };
    const began = ownTime.now();
    await Promise.all([turns(here, one), turns(there, other)]);
    expect(most).toBe(1);
    expect(ownTime.now() - began).toBeLessThan(15_000);
  });

  it("and never more than its permits with a semaphore of three", async () => {
    let inside = 0;
    let most = 0;
    const turns = async (mutex: AzureMutex): Promise<void> => {
      const three = new Semaphore(mutex, key, { permits: 3 });
      for (let turn = 0; turn < 3; turn += 1) {
        await three.run(async () => {
          inside += 1;
          most = Math.max(most, inside);
          // On a slow machine the third comes late.
          for (const began = performance.now(); most < 3 && performance.now() - began < 60_000; ) await pause(10);
          await pause(50);
          inside -= 1;
        });
      }
    };
    await Promise.all([here, here, here, there, there, there].map(turns));
    expect(most).toBe(3);
  });

  it("and users of a semaphore who state different numbers at the same instant do not both get in", async () => {
    for (let round = 0; round < 5; round += 1) {
      key = randomUUID();
      const outcomes = await Promise.allSettled([
        new Semaphore(here, key, { permits: 3 }).acquire(),
        new Semaphore(there, key, { permits: 5 }).acquire(),
      ]);
      const [refused] = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(refused?.reason).toMatchObject({ code: "DIFFERING_PERMITS" });
    }
  });
});
