import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { helpersOf } from "../../../src/blobs/helper-folder.ts";
import { gateName, slotName } from "../../../src/blobs/permit-slot.ts";
import { toPrintableJson } from "../../../src/cli/output/json.ts";
import { statusLines } from "../../../src/cli/output/lock-status-text.ts";
import { lockTable } from "../../../src/cli/output/lock-table.ts";
import { isMutexError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import { FakeClock, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { settled } from "../../support/settled.ts";
import { fuzzing } from "./runs.ts";

const NOW = Date.UTC(2026, 10, 23);
const STRANGER = "99999999-0000-4000-8000-000000000000";

const absurdNumber = fc.oneof(
  fc.constantFrom(0, -1, 0.5, 2 ** 53 - 1, 2 ** 53, 2 ** 53 - 1_024, 1e300, -1e300, 5e-324, 1_767_225_600_000_000),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
);
const absurd = fc.oneof(
  absurdNumber,
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("NaN", "", "9".repeat(400)),
);
const name = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("web-3:17", "\u001b[2J", "\u202e", "é🔒"),
);
const holder = fc.oneof(
  { weight: 5, arbitrary: fc.record({ name, host: name, pid: fc.oneof(fc.nat(), absurdNumber) }) },
  { weight: 1, arbitrary: absurd },
);

/** As it should be, but for some fields that are missing or absurd. */
function nearly<T extends object>(right: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<object> {
  const fields = Object.keys(right);
  return fc
    .tuple(
      fc.record(right),
      fc.subarray(fields, { maxLength: 2 }),
      fc.array(fc.option(absurd, { nil: undefined }), { minLength: 2, maxLength: 2 }),
    )
    .map(([value, wrong, by]) => ({
      ...value,
      ...Object.fromEntries(wrong.map((field, index) => [field, by[index]])),
    }));
}

const record = nearly({
  top: fc.oneof(fc.integer({ min: 0, max: 2 ** 51 }), absurdNumber),
  nonce: fc.string(),
  writtenAt: fc.oneof(fc.nat(), absurdNumber),
  holder,
  leaseSeconds: fc.oneof(fc.integer({ min: 15, max: 60 }), absurdNumber),
  purpose: fc.oneof(fc.constant(undefined), name),
  announced: fc.oneof(
    fc.constant(undefined),
    fc.record({
      token: fc.oneof(fc.integer({ min: 1, max: 2 ** 52 }), absurdNumber),
      since: fc.oneof(fc.integer({ min: 0, max: 8.64e15 }), absurdNumber),
      data: fc.oneof(fc.constant(undefined), name),
    }),
  ),
});
const ticket = nearly({ key: fc.oneof(name, fc.constant("k")), leaseId: fc.oneof(name, fc.uuid()), holder });
const slot = nearly({
  key: fc.oneof(name, fc.constant("k")),
  permits: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constant(2)),
});
const reader = nearly({ key: fc.oneof(name, fc.constant("k")), holder });

/** As text: JSON, or what is left of it, or something else. */
function textOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const json = value.map((one) => JSON.stringify(one) ?? "");
  return fc.oneof(
    { weight: 8, arbitrary: json },
    { weight: 1, arbitrary: fc.tuple(json, fc.nat({ max: 60 })).map(([text, end]) => text.slice(0, end)) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom("", "null", "[]", "7", '"x"', "[".repeat(4_000), `{"top":${"9".repeat(4_000)}}`),
      ),
    },
  );
}

const metadata = fc.record(
  {
    azmutex: textOf(record),
    azmutex_ticket: textOf(ticket),
    azmutex_semaphore: textOf(slot),
    azmutex_reader: textOf(reader),
    Azmutex_Semaphore: textOf(slot),
    ForeignEntry: fc.string({ unit: "binary", maxLength: 20 }),
  },
  { requiredKeys: [] },
);

const folder = helpersOf("k");
const helperName = fc.oneof(
  fc.constantFrom(
    slotName(folder, 0),
    slotName(folder, 1),
    gateName(folder),
    `${folder}reader-writer-lock/1`,
    `${folder}reader-writer-lock/2`,
  ),
  fc
    .tuple(
      fc.constantFrom(0, 1, 999_999_999_999_999, 1_767_225_600_000),
      fc.constantFrom("queue", "semaphore-gate/queue"),
    )
    .map(([arrivedAt, kind]) => `${folder}${kind}/${String(arrivedAt).padStart(15, "0")}-${STRANGER}`),
  fc.constantFrom(`${folder}queue/x`, `${folder}semaphore/0`, `${folder}x`, ".azmutex/x/y", `${folder}queue/`),
);
const blobs = fc.uniqueArray(
  fc.record({ key: fc.oneof(fc.constantFrom("k", "l"), helperName), metadata, isLeased: fc.boolean() }),
  {
    maxLength: 5,
    selector: ({ key }) => key,
  },
);

function scene() {
  const clock = new FakeClock();
  const memory = new MemoryLeaseStore({ clock, containerExists: true, startsAt: NOW });
  const mutex = new AzureMutex({ store: memory, clock, random: () => 0.5 });
  const put = async (found: readonly { key: string; metadata: object; isLeased: boolean }[]): Promise<void> => {
    for (const blob of found) {
      const written = blob.metadata as Record<string, string>;
      // Headers leave out what is empty: a blob without content and without other entries is taken for one of ours.
      await memory.putBlob(blob.key, { metadata: written, content: Object.values(written).includes("") ? "x" : "" });
      if (blob.isLeased) await memory.acquire(blob.key, STRANGER, 60);
    }
  };
  return { clock, memory, mutex, put };
}

/** What came of it; an error only of our own. */
async function come<T>(clock: FakeClock, promise: Promise<T>): Promise<T | undefined> {
  const outcome = await settled(clock, promise, 90_000);
  if (outcome.status === "fulfilled") return outcome.value;
  if (!isMutexError(outcome.reason)) throw new Error(`raw: ${String(outcome.reason)}`, { cause: outcome.reason });
  return undefined;
}

/** Whatever its fields say, they are of their types, and can be printed. */
function expectSound(status: LockStatus): void {
  const { recordedAt, highestToken, holder: found, waiting = [], readers = [], semaphore } = status;
  if (recordedAt) expect(Number.isNaN(recordedAt.getTime())).toBe(false);
  if (highestToken !== undefined) expect(Number.isSafeInteger(highestToken) && highestToken >= 0).toBe(true);
  for (const one of [...(found ? [found] : []), ...[...waiting, ...readers].map((who) => who.holder)]) {
    expect([typeof one.name, typeof one.host, typeof one.pid]).toEqual(["string", "string", "number"]);
  }
  for (const { since } of [...waiting, ...(semaphore?.waiting ?? [])])
    expect(Number.isNaN(since.getTime())).toBe(false);
  if (semaphore) expect(semaphore.held.every(({ slot: number }) => number >= 0 && number <= 999)).toBe(true);
  for (const line of [...statusLines(status, NOW), ...lockTable([status], NOW), toPrintableJson(status)]) {
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
}

describe("whatever the metadata of the blobs say", () => {
  it("it is looked at and listed, and printed without control characters", async () => {
    await fc.assert(
      fc.asyncProperty(blobs, async (found) => {
        const { clock, mutex, put } = scene();
        await put(found);
        for (const key of ["k", "l"]) {
          const status = await come(clock, mutex.inspect(key));
          if (status) expectSound(status);
          const leader = await come(clock, new LeaderElection(mutex, key).leader());
          if (leader) {
            expect(Number.isSafeInteger(leader.term) && leader.term > 0).toBe(true);
            expect(Number.isNaN(leader.since.getTime())).toBe(false);
          }
        }
        const listing = async (): Promise<void> => {
          for await (const status of mutex.list()) expectSound(status);
        };
        await come(clock, listing());
        await come(clock, new Semaphore(mutex, "k", { permits: 2 }).available());
        await come(clock, mutex.break("k", { reader: "web-3:17" }));
        await come(clock, mutex.break("k", { permit: 0, ifHolder: "web-3:17" }));
        await come(clock, mutex.break("k", { ifHolder: "web-3:17" }));
      }),
      fuzzing(400),
    );
  });

  it("the lock is taken, and its token is higher than every one that the record may have given out", async () => {
    await fc.assert(
      fc.asyncProperty(blobs, async (found) => {
        const { clock, memory, mutex, put } = scene();
        await put(found.filter(({ key }) => key === "k"));
        const before = await come(clock, mutex.inspect("k"));
        const lock = await come(clock, mutex.locker("k").lock({ timeoutMs: 80_000 }));
        if (!lock) return;
        const token = lock.fencingToken ?? 0;
        expect(Number.isSafeInteger(token)).toBe(true);
        expect(token).toBeGreaterThan(before?.highestToken ?? 0);
        // What others wrote beside it is left alone.
        const now = await memory.read("k", { asWritten: true });
        const foreign = found.find(({ key }) => key === "k")?.metadata.ForeignEntry;
        if (now.kind === "found") expect(now.blob.metadata.ForeignEntry).toBe(foreign);
        await come(clock, lock.release());
        const next = await come(clock, mutex.locker("k").tryLock());
        expect(next?.fencingToken).toBeGreaterThan(token);
      }),
      fuzzing(200),
    );
  });

  it("a task that waits in line, reads, writes or wants a permit gets it, or an error of our own", async () => {
    await fc.assert(
      fc.asyncProperty(blobs, fc.boolean(), async (found, fair) => {
        const { clock, mutex, put } = scene();
        await put(found);
        const timeoutMs = 30_000;
        const ways = [
          () => mutex.locker("k", { fair }).lock({ timeoutMs }),
          () => mutex.locker("k", { fair }).tryLock(),
          () => new Semaphore(mutex, "k", { permits: 2, fair }).acquire({ timeoutMs }),
          () => new Semaphore(mutex, "k", { permits: 2, fair }).tryAcquire(),
          () => new ReaderWriterLock(mutex, "k", { fair }).read.lock({ timeoutMs }),
          () => new ReaderWriterLock(mutex, "k", { fair }).write.lock({ timeoutMs }),
          () => new LeaderElection(mutex, "k", { fair }).campaign({ timeoutMs }),
        ];
        for (const way of ways) {
          const held = await come<{ release(): Promise<void> } | undefined>(clock, way());
          if (held) await come(clock, held.release());
        }
      }),
      fuzzing(60),
    );
  });
});
