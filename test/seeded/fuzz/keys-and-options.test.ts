import { InvalidArgumentError } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { helpersOf, keyFolderOf } from "../../../src/blobs/helper-folder.ts";
import { parseDuration, shownDuration } from "../../../src/cli/options/duration.ts";
import { InvalidKeyError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { Locker } from "../../../src/locks/locker.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { FakeClock, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { resolveLockerOptions } from "../../../src/waiting/locker-options.ts";
import { settled } from "../../support/settled.ts";
import { expectTyped, fuzzing, isFaultOfCaller, thrownBy } from "./runs.ts";

function scene() {
  const clock = new FakeClock();
  const memory = new MemoryLeaseStore({ clock });
  return { clock, memory, mutex: new AzureMutex({ store: memory, clock, random: () => 0.5 }) };
}

const hostile = fc.constantFrom(
  "a/",
  "a.",
  "..",
  ".azmutex/queue",
  ".azmutex",
  "a\\b",
  "\u0000",
  "\ud800",
  "\udc00x",
  "\ufffe",
  "%2e%2e",
  "",
);
const anyKey = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: fc.constantFrom(".", "/", "\\", "a", "%", "?", "#"), maxLength: 20 }),
  fc.tuple(hostile, fc.string({ maxLength: 5 }), hostile).map((parts) => parts.join("")),
  fc.integer({ min: 1_000, max: 3_000 }).map((length) => "k".repeat(length)),
  fc.integer({ min: 240, max: 300 }).map((segments) => "s/".repeat(segments).concat("s")),
);

/** Whatever JavaScript has, and numbers that are almost right. */
const anyValue = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true }),
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    0,
    -0,
    -1,
    0.5,
    15,
    30,
    60,
    Number.NaN,
    Infinity,
    -Infinity,
    2 ** 53,
    1e308,
    5e-324,
  ),
  fc.integer({ min: 0, max: 100_000 }),
  fc.constantFrom("", "30", "infinite", Symbol("s"), 10n, () => 1, class Holder {}),
);

/** Few of them at a time: one that is wrong hides the others. */
function fewOf<T>(arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  const names = Object.keys(arbitraries) as (keyof T & string)[];
  return fc
    .tuple(fc.record(arbitraries), fc.subarray(names, { minLength: 1, maxLength: 3 }))
    .map(([all, chosen]) => Object.fromEntries(chosen.map((name) => [name, all[name]])) as Partial<T>);
}

const anyPoll = fc.record(
  {
    quickForMs: anyValue,
    quickMs: fc.oneof(anyValue, fc.tuple(anyValue, anyValue)),
    steadyMs: fc.oneof(anyValue, fc.tuple(anyValue, anyValue)),
  },
  { requiredKeys: [] },
);

const anyOptions = fc.oneof(
  { weight: 1, arbitrary: anyValue },
  {
    weight: 6,
    arbitrary: fewOf({
      leaseSeconds: anyValue,
      renewEveryMs: anyValue,
      marginMs: anyValue,
      tryTimeoutMs: anyValue,
      unreachableAfterMs: anyValue,
      fencing: anyValue,
      holder: fc.oneof(anyValue, anyKey),
      purpose: fc.oneof(anyValue, anyKey),
      fair: anyValue,
      poll: fc.oneof(anyValue, anyPoll),
      handOverMs: anyValue,
      handOverCount: anyValue,
      permits: fc.oneof(anyValue, fc.integer({ min: 1, max: 1_000 })),
      candidate: fc.oneof(anyValue, anyKey),
      data: fc.oneof(anyValue, anyKey),
      timeoutMs: anyValue,
      signal: anyValue,
    }),
  },
);

describe("any key", () => {
  it("is refused as no key, or names one blob, one folder and one lock everywhere", () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const { mutex } = scene();
        const outcomes = [
          thrownBy(() => new Locker(mutex, key)),
          thrownBy(() => new LeaderElection(mutex, key)),
          thrownBy(() => new ReaderWriterLock(mutex, key)),
          thrownBy(() => new Semaphore(mutex, key, { permits: 2 })),
        ];
        const [first] = outcomes;
        expect(
          outcomes.every((thrown) => (first === undefined ? thrown === undefined : thrown instanceof InvalidKeyError)),
        ).toBe(true);
        if (first !== undefined) return;
        expect(keyFolderOf(`${helpersOf(key)}x`)).toBe(helpersOf(key));
        const url = new URL(`https://acme.blob.core.windows.net/locks/${encodeURIComponent(key)}`);
        expect(decodeURIComponent(url.pathname)).toBe(`/locks/${key}`);
      }),
      fuzzing(1_500),
    );
  });

  it("is locked, inspected, listed and broken, or refused as no key", async () => {
    await fc.assert(
      fc.asyncProperty(anyKey, anyKey, async (key, another) => {
        const { clock, memory, mutex } = scene();
        const calls: (() => Promise<unknown>)[] = [
          () => mutex.acquire(key, 15),
          () => mutex.renew(key),
          () => mutex.inspect(key),
          () => mutex.break(key),
          () => mutex.release(key),
          () => takeAll(mutex, [key, another], { timeoutMs: 0 }),
          async () => {
            for await (const { key: listed } of mutex.list({ prefix: key })) expect(listed.startsWith(key)).toBe(true);
          },
        ];
        for (const call of calls) {
          const outcome = await settled(clock, (async () => call())(), 60_000);
          if (outcome.status === "rejected") expectTyped(outcome.reason);
        }
        for await (const { key: name } of memory.list("")) expect([key, another]).toContain(name);
      }),
      fuzzing(150),
    );
  });
});

describe("any options", () => {
  it("of a locker are refused as the caller's fault, or fit together", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { mutex } = scene();
        const thrown = thrownBy(() => new Locker(mutex, "job", options as never));
        if (thrown !== undefined) {
          expect(isFaultOfCaller(thrown)).toBe(true);
          return;
        }
        const { terms, poll, handOverCount } = resolveLockerOptions((options ?? {}) as never, { tryTimeoutMs: 3_000 });
        expect(terms.renewEveryMs + 2 * terms.tryTimeoutMs + 1_000).toBeLessThanOrEqual(terms.goodForMs);
        expect(terms.goodForMs).toBe(terms.leaseSeconds * 1_000 - terms.marginMs);
        expect(terms.marginMs).toBeGreaterThanOrEqual(100);
        for (const [from, to] of [poll.quickMs, poll.steadyMs])
          expect(from >= 1 && to >= from && Number.isFinite(to)).toBe(true);
        expect(Number.isInteger(handOverCount)).toBe(true);
      }),
      fuzzing(3_000),
    );
  });

  it("of a recipe are refused as the caller's fault, or taken", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { mutex } = scene();
        for (const Recipe of [LeaderElection, ReaderWriterLock, Semaphore]) {
          const thrown = thrownBy(() => new Recipe(mutex, "job", options as never));
          if (thrown !== undefined) expect(isFaultOfCaller(thrown)).toBe(true);
        }
      }),
      fuzzing(1_000),
    );
  });

  it("of a mutex are refused as the caller's fault, or taken", () => {
    const ways = {
      connectionString: anyValue,
      sasUrl: anyValue,
      containerClient: anyValue,
      useStorageEmulator: anyValue,
      store: anyValue,
    };
    const account = { accountName: anyValue, accountKey: anyValue, credential: anyValue, endpoint: anyValue };
    const others = { containerName: anyValue, allowHttp: anyValue, tryTimeoutMs: anyValue, log: anyValue };
    const options = fc.oneof(anyValue, fewOf({ ...ways, ...account, ...others }));
    fc.assert(
      fc.property(options, (given) => {
        const thrown = thrownBy(() => new AzureMutex(given as never));
        if (thrown !== undefined) expect(isFaultOfCaller(thrown)).toBe(true);
      }),
      fuzzing(2_000),
    );
  });

  it("of a call reject as the caller's fault, or the call comes to something", async () => {
    const callOptions = fewOf({
      timeoutMs: fc.oneof(anyValue, fc.integer({ min: 0, max: 5_000 })),
      // An abort controller's signal, aborted or not; and what is none.
      signal: fc.oneof(
        anyValue,
        fc.constant(undefined),
        fc
          .boolean()
          .map((isAborted) => (isAborted ? AbortSignal.abort(new RangeError("enough")) : new AbortController().signal)),
      ),
      ifHolder: anyValue,
      permit: fc.oneof(anyValue, fc.integer({ min: 0, max: 999 })),
      reader: anyValue,
      periodSeconds: fc.oneof(anyValue, fc.integer({ min: 0, max: 60 })),
      prefix: fc.oneof(anyValue, anyKey),
      everyMs: anyValue,
    });
    await fc.assert(
      fc.asyncProperty(callOptions, anyValue, async (options, work) => {
        const { clock, mutex } = scene();
        const given = options as never;
        const election = new LeaderElection(mutex, "office");
        const rw = new ReaderWriterLock(mutex, "index");
        const calls: (() => unknown)[] = [
          () => mutex.locker("job").lock(given),
          () => mutex.locker("another").tryLock(given),
          () => mutex.locker("third").run(work as never, given),
          () => new Semaphore(mutex, "api", { permits: 3 }).acquire(given),
          () => new Semaphore(mutex, "api", { permits: 3 }).tryAcquire(given),
          () => new Semaphore(mutex, "api", { permits: 3 }).available(given),
          () => rw.read.lock(given),
          () => rw.read.tryLock(given),
          () => rw.write.tryLock(given),
          () => election.campaign(given),
          () => election.leader(given),
          () => election.observe(given).next(),
          () => takeAll(mutex, ["x", "y"], given),
          () => takeAll(mutex, work as never, { timeoutMs: 0 }),
          () => mutex.acquire("held by hand", work as never, given),
          () => mutex.inspect("job", given),
          () => mutex.break("job", given),
          () => mutex.list(given)[Symbol.asyncIterator]().next(),
        ];
        for (const call of calls) {
          const outcome = await settled(clock, (async () => call())(), 60_000);
          if (outcome.status === "rejected") expectTyped(outcome.reason);
        }
      }),
      fuzzing(120),
    );
  });
});

describe("any duration", () => {
  const anyText = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc
      .tuple(
        fc.constantFrom("", "-", "+", "0x", " "),
        fc.double().map(String),
        fc.constantFrom("", "ms", "s", "m", "h", "d", "S"),
      )
      .map((parts) => parts.join("")),
    fc.tuple(fc.maxSafeNat(), fc.constantFrom("ms", "s", "m", "h")).map((parts) => parts.join("")),
    fc.integer({ min: 1, max: 400 }).map((digits) => `${"9".repeat(digits)}h`),
  );

  it("on the command line is a time that a timer can take, or is refused", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const thrown = thrownBy(() => {
          const { ms } = parseDuration(text);
          expect(ms >= 0 && ms <= 2 ** 31 - 1).toBe(true);
        });
        if (thrown !== undefined) expect(thrown).toBeInstanceOf(InvalidArgumentError);
      }),
      fuzzing(3_000),
    );
  });

  it("is read as it is written", () => {
    const whole = fc.tuple(
      fc.integer({ min: 0, max: 500 }),
      fc.constantFrom(["ms", 1] as const, ["s", 1_000] as const, ["m", 60_000] as const, ["h", 3_600_000] as const),
    );
    fc.assert(
      fc.property(whole, ([number, [unit, ms]]) => {
        expect(parseDuration(`${number}${unit}`).ms).toBe(number * ms);
      }),
      fuzzing(500),
    );
  });

  it("is shown with a number and a unit", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e15 }), (ms) => {
        expect(shownDuration(ms)).toMatch(/^\d+ (s|min|d|h \d+ min)$/);
      }),
      fuzzing(500),
    );
  });
});
