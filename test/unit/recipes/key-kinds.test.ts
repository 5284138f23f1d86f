import { describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { helpersOf } from "../../../src/blobs/helper-folder.ts";
import { slotMetadata, slotName } from "../../../src/blobs/permit-slot.ts";
import { AccessDeniedError, isMutexError, type KeyKind, KeyKindMismatchError } from "../../../src/errors.ts";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import type { FaultyLeaseStore } from "../../../src/testing/index.ts";
import { chance } from "../../support/chaos.ts";
import { withoutKind } from "../../support/earlier-version.ts";
import { World } from "../../support/world.ts";

const KEY = "mix";

interface Use {
  readonly kind: KeyKind;
  take(mutex: AzureMutex, options?: { fencing?: boolean; timeoutMs?: number; fair?: boolean }): Promise<Holding>;
}

const lock: Use = {
  kind: "lock",
  take: (mutex, { timeoutMs, ...options } = {}) => mutex.locker(KEY, options).lock({ timeoutMs }),
};
const several: Use = { kind: "lock", take: (mutex, options = {}) => takeAll(mutex, [KEY], options) };
const permit: Use = {
  kind: "semaphore",
  take: (mutex, { timeoutMs, ...options } = {}) =>
    new Semaphore(mutex, KEY, { permits: 2, ...options }).acquire({ timeoutMs }),
};
const reading: Use = {
  kind: "reader-writer-lock",
  take: (mutex, { timeoutMs, ...options } = {}) => new ReaderWriterLock(mutex, KEY, options).read.lock({ timeoutMs }),
};
const writing: Use = {
  kind: "reader-writer-lock",
  take: (mutex, { timeoutMs, ...options } = {}) => new ReaderWriterLock(mutex, KEY, options).write.lock({ timeoutMs }),
};
const leading: Use = {
  kind: "election",
  take: (mutex, { timeoutMs, fencing: _, ...options } = {}) =>
    new LeaderElection(mutex, KEY, options).campaign({ timeoutMs }),
};
const USES: Readonly<Record<string, Use>> = { lock, several, permit, reading, writing, leading };
const PAIRS = Object.entries(USES).flatMap(([first, a]) =>
  Object.entries(USES).flatMap(([second, b]) => (a.kind === b.kind ? [] : [[first, second] as const])),
);

function setup() {
  const world = new World();
  const here = world.process();
  const there = world.process();
  const cycle = async (use: Use, mutex: AzureMutex): Promise<void> => {
    const holding = await world.until(use.take(mutex));
    await world.until(holding.release());
  };
  const failureOf = (taking: Promise<Holding>): Promise<unknown> => world.until(outcomeOf(taking));
  return { world, clock: world.clock, here, there, cycle, failureOf };
}

function outcomeOf(taking: Promise<Holding>): Promise<unknown> {
  return taking.then(
    () => "taken",
    (error: unknown) => error,
  );
}

const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);

function refusal(stated: KeyKind, found: string): object {
  return { code: "KEY_KIND_MISMATCH", name: "KeyKindMismatchError", key: KEY, stated, found };
}

async function leased(world: World): Promise<string[]> {
  const names: string[] = [];
  for await (const { key, leaseState } of world.memory.list("")) if (leaseState === "leased") names.push(key);
  return names;
}

describe("a key that is used as one kind", () => {
  it.each(PAIRS)(
    "as %s is refused as %s with an error that names both, and nothing is left leased",
    async (first, second) => {
      const [a, b] = [USES[first] as Use, USES[second] as Use];
      for (const fair of [false, true]) {
        for (const fencing of [true, false]) {
          const { world, clock, here, there, cycle, failureOf } = setup();
          await cycle(a, there.mutex);
          // Users without a record are refused where they look at the key all the same: permits and readers.
          if (!fencing && b !== permit && b !== reading) continue;
          for (const timeoutMs of [undefined, 0]) {
            const error = await failureOf(
              b.take(here.mutex, { fair, fencing, ...(timeoutMs !== undefined && { timeoutMs }) }),
            );
            expect(error).toBeInstanceOf(KeyKindMismatchError);
            expect(error).toMatchObject(refusal(b.kind, a.kind));
            await clock.advance(1_000);
            expect(await leased(world)).toEqual([]);
          }
          // Those who were there first go on.
          await cycle(a, there.mutex);
          expect(await world.until(here.mutex.inspect(KEY))).toMatchObject({ kind: a.kind });
        }
      }
    },
  );

  it.each(PAIRS)(
    "as %s is refused as %s to a task of the same process, also when it is handed the lease",
    async (first, second) => {
      const [a, b] = [USES[first] as Use, USES[second] as Use];
      const { world, clock, here } = setup();
      const held = await world.until(a.take(here.mutex));
      const outcome = outcomeOf(b.take(here.mutex));
      await clock.advance(1_000);
      void held.release();
      expect(await world.until(outcome)).toMatchObject(refusal(b.kind, a.kind));
      await clock.advance(1_000);
      expect(await leased(world)).toEqual([]);
    },
  );

  it("says so in words", async () => {
    const { here, there, cycle, failureOf } = setup();
    await cycle(permit, there.mutex);
    const error = (await failureOf(lock.take(here.mutex))) as Error;
    expect(error.message).toBe('"mix" is used as a semaphore, not as a lock: all its users must use it as the same');
    expect(isMutexError(error)).toBe(true);
  });

  it("of another version's kind is refused, and left as it is", async () => {
    for (const use of Object.values(USES)) {
      const { world, clock, here, failureOf } = setup();
      await world.memory.create(KEY, { azmutex_kind: "once" });
      await clock.advance(3_000);
      expect(await failureOf(use.take(here.mutex))).toMatchObject(refusal(use.kind, "once"));
      const found = await world.memory.read(KEY);
      expect(found).toMatchObject({ blob: { metadata: { azmutex_kind: "once" } } });
    }
  });

  it("may be used as another when its blob was deleted", async () => {
    const { world, here, there, cycle } = setup();
    await cycle(lock, there.mutex);
    await world.memory.remove(KEY);
    await cycle(leading, here.mutex);
    expect(await world.until(here.mutex.inspect(KEY))).toMatchObject({ kind: "election" });
  });

  it("is refused to a caller who asks for the leader, unless it is an election", async () => {
    const { world, here, there, cycle } = setup();
    await cycle(lock, there.mutex);
    const election = new LeaderElection(here.mutex, KEY);
    await expect(world.until(election.leader())).rejects.toMatchObject(refusal("election", "lock"));
    await expect(world.until(election.observe().next())).rejects.toMatchObject(refusal("election", "lock"));
  });

  it("is never another for processes that come at the same instant, in seeded orders: one kind wins", async () => {
    const winners = new Set<string>();
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = chance(seed);
      const world = new World();
      const inside = new Set<string>();
      const users = Object.values(USES).map((use) => {
        const { store, mutex } = world.process({ random });
        for (const operation of ["list", "acquire", "create", "read", "writeMetadata", "release"] as const) {
          for (let after = 0; after < 6; after += 1) store.delay(operation, random() * 40, { after, times: 1 });
          for (let after = 0; after < 6; after += 1) store.delayAnswer(operation, random() * 40, { after, times: 1 });
        }
        return { use, mutex };
      });
      const kinds: string[] = [];
      const outcomes = await world.until(
        Promise.allSettled(
          users.map(async ({ use, mutex }) => {
            const holding = await use.take(mutex, { fair: random() < 0.3 });
            inside.add(use.kind);
            expect(inside.size, `seed ${seed}`).toBe(1);
            kinds.push(use.kind);
            await new Promise<void>((resolve) => void world.clock.setTimer(random() * 200, resolve));
            await holding.release();
          }),
        ),
      );
      expect(new Set(kinds).size, `seed ${seed}`).toBe(1);
      for (const [index, outcome] of outcomes.entries()) {
        const isWinner = users[index]?.use.kind === kinds[0];
        expect(outcome.status, `seed ${seed}`).toBe(isWinner ? "fulfilled" : "rejected");
        if (outcome.status === "rejected")
          expect(outcome.reason).toMatchObject({ code: "KEY_KIND_MISMATCH", found: kinds[0] });
      }
      winners.add(kinds[0] as string);
    }
    expect(winners.size).toBeGreaterThan(2);
  });
});

describe("users who leave no record", () => {
  const PEERS: readonly (readonly [string, (scene: ReturnType<typeof setup>) => Promise<unknown>])[] = [
    ["a locker without fencing", ({ world, there }) => world.until(there.mutex.locker(KEY, { fencing: false }).lock())],
    ["acquire", ({ there }) => there.mutex.acquire(KEY, 60)],
    ["a go-azuremutex", ({ world }) => world.stranger(KEY)],
  ];

  it.each(PEERS)("are not refused by any kind: %s", async (_, take) => {
    for (const use of Object.values(USES)) {
      const scene = setup();
      await scene.cycle(use, scene.here.mutex);
      await take(scene);
      expect(await scene.world.leaseState(KEY)).toBe("leased");
    }
  });

  it.each(PEERS)("do not keep the next user from having a kind: %s", async (_, take) => {
    for (const use of Object.values(USES)) {
      const scene = setup();
      await scene.world.memory.create(KEY, {});
      await take(scene);
      await scene.world.memory.break(KEY, { periodSeconds: 0 });
      await scene.clock.advance(3_000);
      await scene.cycle(use, scene.here.mutex);
    }
  });
});

describe("what an earlier version wrote", () => {
  it("says no kind: the next user who writes a record writes its own", async () => {
    for (const use of [lock, writing, leading]) {
      const { world, here, there, cycle } = setup();
      await cycle(lock, there.mutex);
      await withoutKind(world, KEY);
      await cycle(use, here.mutex);
      expect(await world.until(here.mutex.inspect(KEY))).toMatchObject({ kind: use.kind });
    }
  });

  it("keeps the kind when it writes its record anew", async () => {
    const { world, here, there, cycle, failureOf } = setup();
    await cycle(permit, there.mutex);
    const found = await world.memory.read(KEY);
    const { metadata } = found.kind === "found" ? found.blob : expect.fail();
    // It writes back every entry but its record, which has no kind.
    const azmutex = '{"holder":{"name":"n","host":"h","pid":1},"leaseSeconds":30,"top":1,"nonce":"n","writtenAt":0}';
    await world.memory.putBlob(KEY, { metadata: { ...metadata, azmutex } });
    expect(await failureOf(lock.take(here.mutex))).toMatchObject(refusal("lock", "semaphore"));
  });

  it("costs each process that uses a semaphore's slots two requests, until this version has written one", async () => {
    const { world, here, there, cycle } = setup();
    for (const slot of [0, 1]) await world.memory.create(slotName(helpersOf(KEY), slot), slotMetadata(KEY, 2));
    await world.clock.advance(3_000);
    await cycle(permit, here.mutex);
    expect(operations(here.store).slice(0, 3)).toEqual(["list", "create", "acquire"]);
    await cycle(permit, there.mutex);
    expect(operations(there.store).slice(0, 2)).toEqual(["list", "acquire"]);
    expect(await world.until(there.mutex.inspect(KEY))).toMatchObject({ kind: "semaphore", semaphore: { permits: 2 } });
  });
});

describe("a semaphore whose key has a blob that says no kind", () => {
  it("is used all the same, asks once in each process, and is refused once another kind is written", async () => {
    const { world, clock, here, there, cycle, failureOf } = setup();
    await world.memory.putBlob(KEY, { content: "of others" });
    await clock.advance(3_000);
    await cycle(permit, here.mutex);
    const asked = () => here.store.calls.filter(({ key }) => key === KEY).map(({ operation }) => operation);
    expect(asked()).toEqual(["create", "read"]);
    await cycle(permit, here.mutex);
    expect(asked()).toHaveLength(2);
    expect(await world.until(here.mutex.inspect(KEY))).not.toHaveProperty("kind");
    await cycle(lock, there.mutex);
    expect(await failureOf(permit.take(world.process().mutex))).toMatchObject(refusal("semaphore", "lock"));
  });

  it("asks a listing where it leaves no record: its credentials need not read", async () => {
    const { world, clock, here, failureOf } = setup();
    await world.memory.create(KEY, { azmutex_kind: "lock" });
    await clock.advance(3_000);
    expect(await failureOf(permit.take(here.mutex, { fencing: false }))).toMatchObject(refusal("semaphore", "lock"));
    expect(here.store.calls.find(({ operation }) => operation === "read")).toMatchObject({ key: KEY });
  });

  it("is used, and the log says so, where the credentials may not look at the key", async () => {
    const { world, here, cycle } = setup();
    here.store.failBefore("create", { error: new AccessDeniedError("403", KEY), times: 1 });
    await cycle(permit, here.mutex);
    expect(world.log).toEqual([expect.stringMatching(/^what "mix" is used as cannot be read or written/)]);
  });

  it("asks again where the service did not answer", async () => {
    const { world, here, failureOf } = setup();
    await world.memory.create(KEY, { azmutex_kind: "lock" });
    here.store.failAfter("create", { times: 1 });
    here.store.failBefore("read", { times: 1 });
    expect(await failureOf(permit.take(here.mutex, { timeoutMs: 0 }))).toMatchObject(refusal("semaphore", "lock"));
  });
});

describe("the status of a key", () => {
  async function statusOf({ world, here }: ReturnType<typeof setup>): Promise<LockStatus> {
    const inspected = await world.until(here.mutex.inspect(KEY));
    const listed: LockStatus[] = [];
    for await (const status of here.mutex.list()) listed.push(status);
    expect(listed).toEqual([inspected]);
    return inspected;
  }

  it.each(Object.entries(USES))("says what it is used as, and that this is one thing: %s", async (_, use) => {
    const scene = setup();
    const held = await scene.world.until(use.take(scene.there.mutex));
    const status = await statusOf(scene);
    expect(status).toMatchObject({ kind: use.kind });
    expect(status).not.toHaveProperty("mixedKinds");
    expect(status).not.toHaveProperty("isFairMixed");
    await scene.world.until(held.release());
  });

  it.each([
    ["permit", ["lock", "semaphore"]],
    ["reading", ["lock", "reader-writer-lock"]],
  ])(
    "says that others do not exclude a %s, once the key's blob was deleted and a lock taken",
    async (name, mixedKinds) => {
      const scene = setup();
      await scene.world.until((USES[name] as Use).take(scene.there.mutex));
      await scene.world.memory.remove(KEY);
      await scene.world.until(lock.take(scene.here.mutex));
      expect(await statusOf(scene)).toMatchObject({ kind: "lock", mixedKinds });
    },
  );

  it("says so of a semaphore beside a lock without a record, and not of a reader beside such a writer", async () => {
    const scene = setup();
    await scene.world.until(permit.take(scene.there.mutex));
    await scene.world.stranger(KEY);
    expect(await statusOf(scene)).toMatchObject({ kind: "semaphore", mixedKinds: ["semaphore", "lock"] });
    const other = setup();
    await other.world.until(reading.take(other.there.mutex));
    await other.world.stranger(KEY);
    expect(await statusOf(other)).not.toHaveProperty("mixedKinds");
  });

  it("says that some of its users queue and others do not", async () => {
    const scene = setup();
    const { world, clock, here, there } = scene;
    const held = await world.until(lock.take(there.mutex));
    expect(await statusOf(scene)).toMatchObject({ fair: false });
    const waiting = lock.take(here.mutex, { fair: true });
    await clock.advance(1_000);
    expect(await statusOf(scene)).toMatchObject({ fair: false, isFairMixed: true, waiting: [{}] });
    void held.release();
    const next = await world.until(waiting);
    const status = await statusOf(scene);
    expect(status).toMatchObject({ fair: true });
    expect(status).not.toHaveProperty("isFairMixed");
    await world.until(next.release());
  });

  it("says so of permits", async () => {
    const scene = setup();
    const { world, here, there } = scene;
    await world.until(permit.take(there.mutex, { fair: true }));
    expect(await statusOf(scene)).not.toHaveProperty("isFairMixed");
    await world.until(permit.take(here.mutex));
    expect(await statusOf(scene)).toMatchObject({ isFairMixed: true });
  });
});
