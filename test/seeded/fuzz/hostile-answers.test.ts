import { describe, expect, it } from "vitest";
import { isMutexError, StoreUnavailableError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { everythingPrinted } from "../../support/printed.ts";
import { type Answer, type Asked, type Operation, ServiceDouble } from "../../support/service-double.ts";
import { settled } from "../../support/settled.ts";
import { thrownBy } from "./runs.ts";

/** A call that sends so many requests is not going to stop. */
const MOST_REQUESTS = 500;

/** What the service's answers turn into from {@link Scene.distort} on. */
type Distortion = (serve: () => Promise<Answer>, asked: Asked) => Promise<Answer>;

function scene(distortion: Distortion) {
  const clock = new FakeClock();
  let isDistorted = false;
  const service = new ServiceDouble(clock, {
    middleman: (serve, asked) => (isDistorted ? distortion(serve, asked) : serve()),
    latencyMs: 5,
  });
  return {
    clock,
    service,
    memory: service.memory,
    process: () => new AzureMutex({ containerClient: service.client(), clock, random: () => 0.5 }),
    distort: (): void => {
      isDistorted = true;
    },
    /** What comes of it in two minutes. */
    async come<T>(promise: Promise<T>): Promise<T> {
      const before = service.asked.length;
      const outcome = await settled(clock, promise, 120_000, () =>
        expect(service.asked.length - before).toBeLessThan(MOST_REQUESTS),
      );
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    },
  };
}

/** What it brings, or undefined if that is an error of our own. */
async function unlessRefused<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMutexError(error)) return undefined;
    throw error;
  }
}

/** An answer with other headers; undefined takes one away. */
function having(answer: Answer, headers: Readonly<Record<string, string | undefined>>): Answer {
  const all = Object.entries({ ...answer.headers, ...headers }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { ...answer, headers: Object.fromEntries(all) };
}

const refusal = (status: number, headers: Readonly<Record<string, string>>): Answer => ({
  status,
  headers: { date: "Thu, 01 Jan 2026 00:00:00 GMT", "x-ms-request-id": "r", ...headers },
});

const withoutLeaseStates: Distortion = async (serve) => {
  const answer = await serve();
  return answer.body === undefined
    ? answer
    : { ...answer, body: answer.body.replaceAll(/<LeaseState>[a-z]*<\/LeaseState>/g, "") };
};

describe("a service whose dates are absurd", () => {
  it("gets no holder a token that is no safe integer", async () => {
    const { process, come, distort } = scene(async (serve) =>
      having(await serve(), { date: "Fri, 31 Dec 9999 23:59:59 GMT" }),
    );
    distort();
    const lock = await unlessRefused(come(process().locker("job").tryLock()));
    if (lock) expect(Number.isSafeInteger(lock.fencingToken)).toBe(true);
  });

  it("does not make who asks once wait, with the lock, for a Last-Modified that is ahead of it", async () => {
    const { process, come, distort, memory } = scene(async (serve, { operation }) => {
      const answer = await serve();
      return operation === "read" ? having(answer, { "last-modified": "Fri, 31 Dec 2100 23:59:59 GMT" }) : answer;
    });
    await memory.createContainer();
    await memory.putBlob("job");
    distort();
    await expect(come(process().locker("job").tryLock())).rejects.toMatchObject({ code: expect.any(String) });
  });

  it("that leaves out the Date of one refusal does not make a fair waiter wait for ever", async () => {
    let isFirst = true;
    const { process, come, distort, clock } = scene(async (serve, { operation }) => {
      const answer = await serve();
      if (operation !== "acquire" || answer.status !== 409 || !isFirst) return answer;
      isFirst = false;
      return having(answer, { date: undefined });
    });
    const holder = await come(process().locker("job", { fair: true }).lock());
    distort();
    const waiting = process().locker("job", { fair: true }).lock();
    await clock.advance(1_000);
    await come(holder.release());
    expect((await come(waiting)).isHeld).toBe(true);
  });

  it("that leaves it out of a 404 does not get a record of nothing into the blob", async () => {
    const records: string[] = [];
    const { process, come, distort, memory } = scene(async (serve) => {
      const answer = await serve();
      const found = await memory.read("job");
      if (found.kind === "found" && found.blob.metadata.azmutex) records.push(found.blob.metadata.azmutex);
      return answer.status === 404 ? having(answer, { date: undefined }) : answer;
    });
    await memory.createContainer();
    distort();
    await come(process().locker("job").tryLock());
    expect(records.join("\n")).not.toContain("null");
  });
});

describe("a listing", () => {
  it("without the state of leases lets no writer in beside a reader", async () => {
    const { process, come, distort } = scene(withoutLeaseStates);
    const reader = await come(new ReaderWriterLock(process(), "index").read.lock());
    distort();
    const writer = await unlessRefused(come(new ReaderWriterLock(process(), "index").write.tryLock()));
    expect(reader.isHeld && writer?.isHeld).not.toBe(true);
  });

  it("that a gateway answers with a 404 lets no writer in beside a reader", async () => {
    const { process, come, distort } = scene(async (serve, { operation }) =>
      operation === "list"
        ? { status: 404, headers: { "content-type": "text/html" }, body: "<html>no</html>" }
        : await serve(),
    );
    const reader = await come(new ReaderWriterLock(process(), "index").read.lock());
    distort();
    const writer = await unlessRefused(come(new ReaderWriterLock(process(), "index").write.tryLock()));
    expect(reader.isHeld && writer?.isHeld).not.toBe(true);
  });

  it("that shows a permit free that is not does not make `tryAcquire` ask for ever", async () => {
    const { process, come, distort } = scene(withoutLeaseStates);
    await come(new Semaphore(process(), "api", { permits: 1 }).acquire());
    distort();
    expect(await unlessRefused(come(new Semaphore(process(), "api", { permits: 1 }).tryAcquire()))).toBeUndefined();
  });

  it("that never shows its own ticket does not make a fair waiter wait for ever", async () => {
    const { process, come, distort, clock } = scene(withoutLeaseStates);
    const holder = await come(process().locker("job", { fair: true }).lock());
    distort();
    const waiting = process().locker("job", { fair: true }).lock();
    await clock.advance(1_000);
    await come(holder.release());
    const outcome = await settled(clock, waiting, 120_000);
    expect(outcome.status).toMatch(/fulfilled|rejected/);
  });

  it("whose continuation leads back to its beginning ends with an error", async () => {
    const { process, come, distort } = scene(async (serve, { operation }) => {
      const answer = await serve();
      if (operation !== "list" || answer.body === undefined) return answer;
      return { ...answer, body: answer.body.replace(/<NextMarker>.*<\/NextMarker>/, "<NextMarker>0</NextMarker>") };
    });
    const mutex = process();
    await come(new Semaphore(mutex, "api", { permits: 1 }).acquire());
    await come(mutex.acquire("job", 15));
    distort();
    const listing = async (): Promise<void> => {
      for await (const _ of mutex.list());
    };
    await expect(come(listing())).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});

describe("a gateway that answers for a while instead of the service", () => {
  const statuses = [200, 204, 403, 404, 409, 412, 502];
  const page = (status: number): Answer => ({
    status,
    headers: { "content-type": "text/html" },
    body: "<html>gateway</html>",
  });

  it.each(statuses)("with a %i to renewals: the lock stays held", async (status) => {
    let isAway = false;
    const { process, come, distort, clock } = scene(async (serve) => (isAway ? page(status) : await serve()));
    distort();
    const lock = await come(process().locker("job", { leaseSeconds: 15 }).lock());
    isAway = true;
    await clock.advance(7_000);
    expect([lock.isHeld, lock.signal.aborted]).toEqual([true, false]);
    isAway = false;
    await clock.advance(30_000);
    expect([lock.isHeld, lock.signal.aborted]).toEqual([true, false]);
  });

  it.each(statuses)("with a %i to everything: who waits gets in afterwards", async (status) => {
    let isAway = true;
    const { process, come, distort, clock } = scene(async (serve) => (isAway ? page(status) : await serve()));
    distort();
    const waiting = process().locker("job", { fair: true }).lock();
    await clock.advance(8_000);
    isAway = false;
    expect((await come(waiting)).isHeld).toBe(true);
  });

  it.each(statuses)("with a %i to a release: it is released all the same", async (status) => {
    let isAway = false;
    const { process, come, distort, memory } = scene(async (serve, { operation }) => {
      if (!isAway || operation !== "release") return await serve();
      isAway = false;
      return page(status);
    });
    distort();
    const lock = await come(process().locker("job").lock());
    isAway = true;
    await come(lock.release());
    expect(await memory.read("job")).toMatchObject({ blob: { leaseState: "available" } });
  });
});

describe("an answer that says it was done, but not as it should", () => {
  it.each<[string, Partial<Answer>]>([
    ["another status", { status: 200 }],
    ["a page of a portal for a body", { body: "<html>please log in", headers: { "content-type": "application/xml" } }],
  ])("%s: it is open whether it was, and the lease is given back", async (_, different) => {
    const { process, come, distort, memory, clock } = scene(async (serve, { operation }) => {
      const answer = await serve();
      if (operation !== "acquire" || answer.status !== 201) return answer;
      return { ...answer, ...different, headers: { ...answer.headers, ...different.headers } };
    });
    distort();
    await expect(come(process().locker("job").tryLock())).rejects.toBeInstanceOf(StoreUnavailableError);
    await clock.advance(10_000);
    expect(await memory.read("job")).toMatchObject({ blob: { leaseState: "available" } });
  });

  it.each([undefined, "", "abc", "-5", "1e9"])(
    "a break with %j for a lease time: no caller is told that the lock is free at once",
    async (time) => {
      const { process, come, distort } = scene(async (serve, { operation }) => {
        const answer = await serve();
        return operation === "break" ? having(answer, { "x-ms-lease-time": time }) : answer;
      });
      const mutex = process();
      await come(mutex.acquire("job", 15));
      distort();
      const broken = await unlessRefused(come(mutex.break("job")));
      if (broken)
        expect(broken).toMatchObject({
          freeInSeconds: expect.toSatisfy((seconds) => Number.isInteger(seconds) && seconds > 0 && seconds <= 60),
        });
    },
  );

  it.each([undefined, "", "nonsense"])(
    "a blob whose lease state is %j: no caller is told that it is free",
    async (state) => {
      const { process, come, distort } = scene(async (serve, { operation }) => {
        const answer = await serve();
        return operation === "read" ? having(answer, { "x-ms-lease-state": state }) : answer;
      });
      const mutex = process();
      await come(mutex.acquire("job", 15));
      distort();
      await expect(come(mutex.inspect("job"))).rejects.toBeInstanceOf(StoreUnavailableError);
      await expect(come(mutex.break("job"))).rejects.toBeInstanceOf(StoreUnavailableError);
    },
  );

  it("an empty ETag is none", async () => {
    const { process, come, distort } = scene(async (serve) => having(await serve(), { etag: "" }));
    distort();
    await expect(come(process().locker("job").tryLock())).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});

describe("a service that refuses the same thing again and again", () => {
  it("a record's ETag, never matched, does not make who asks once ask for ever", async () => {
    const { process, come, distort, memory } = scene(async (serve, { operation }) =>
      operation === "write" ? refusal(412, { "x-ms-error-code": "ConditionNotMet" }) : await serve(),
    );
    await memory.createContainer();
    await memory.putBlob("job");
    distort();
    await expect(come(process().locker("job").tryLock())).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it.each<[Operation, string]>([
    ["write", "lost on the way"],
    ["read", "answered with a 503"],
  ])(
    "to %s the record, %s each time, does not make who asks once wait for ever, with the lock",
    async (operation, how) => {
      const { process, come, distort, memory } = scene(async (serve, asked) => {
        if (asked.operation !== operation) return await serve();
        if (how === "lost on the way") throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
        return refusal(503, { "x-ms-error-code": "ServerBusy" });
      });
      await memory.createContainer();
      await memory.putBlob("job");
      distort();
      await expect(come(process().locker("job").tryLock())).rejects.toBeInstanceOf(StoreUnavailableError);
    },
  );

  it("a record without room beside the metadata of others is refused at once, and the lease is free", async () => {
    const { process, come, distort, memory, clock } = scene(async (serve, { operation }) =>
      operation === "write" ? refusal(400, { "x-ms-error-code": "MetadataTooLarge" }) : await serve(),
    );
    await memory.createContainer();
    await memory.putBlob("job", { content: "{}", metadata: { Most: "m".repeat(8_000) } });
    await clock.advance(5_000);
    distort();
    const locking = process().locker("job").lock({ timeoutMs: 1_000 });
    await expect(come(locking)).rejects.toMatchObject({
      code: "STORE_REFUSED",
      message: expect.stringContaining("MetadataTooLarge"),
    });
    await clock.advance(100);
    expect(await memory.read("job")).toMatchObject({ blob: { leaseState: "available" } });
    expect((await come(process().locker("job", { fencing: false }).lock())).isHeld).toBe(true);
  });

  it("a lease that is granted and lost at once, each time, is not asked for without a pause", async () => {
    const { process, come, distort, memory } = scene(async (serve, { operation }) =>
      operation === "write" ? refusal(412, { "x-ms-error-code": "LeaseLost" }) : await serve(),
    );
    await memory.createContainer();
    await memory.putBlob("job");
    distort();
    await expect(come(process().locker("job").lock({ timeoutMs: 10_000 }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
    });
  });

  it("a wait of a hundred days that it asks for is not waited out", async () => {
    let isFirst = true;
    const { process, come, distort } = scene(async (serve, { operation }) => {
      if (operation !== "acquire" || !isFirst) return await serve();
      isFirst = false;
      return refusal(503, { "x-ms-error-code": "ServerBusy", "retry-after": "8640000" });
    });
    distort();
    expect((await come(process().locker("job").lock())).isHeld).toBe(true);
  });
});

describe("what stands in the metadata", () => {
  it("of a slot, and was wiped while it is held, does not make `tryAcquire` wait until it is free", async () => {
    const { process, come, service, memory } = scene((serve) => serve());
    await come(new Semaphore(process(), "api", { permits: 1 }).acquire());
    const { name = "", leaseId = "" } = service.told.at(-1) ?? {};
    await memory.putBlob(name, { leaseId });
    expect(await come(new Semaphore(process(), "api", { permits: 1 }).tryAcquire())).toBeUndefined();
  });

  it.each([
    { token: 7, since: 1e300 },
    { token: -5, since: 0 },
    { token: 0, since: 0 },
  ])("of a leader is no %j", async (announced) => {
    const { process, come, service, memory } = scene((serve) => serve());
    await come(new LeaderElection(process(), "office").campaign());
    const found = await memory.read("office");
    if (found.kind === "missing") return expect.fail();
    const { azmutex = "" } = found.blob.metadata;
    const metadata = { azmutex: JSON.stringify({ ...JSON.parse(azmutex), announced }) };
    await memory.writeMetadata("office", metadata, {
      leaseId: service.told.at(-1)?.leaseId ?? "",
      ifMatch: found.blob.etag,
    });
    const leader = await come(new LeaderElection(process(), "office").leader());
    if (leader) {
      expect(leader.term).toBeGreaterThan(0);
      expect(Number.isNaN(leader.since.getTime())).toBe(false);
    }
  });
});

describe("a way in", () => {
  it("with a secret for a container's name, beside the SAS of a container, is refused without a word of it", () => {
    const sasUrl = "https://acme.blob.core.windows.net/locks?sv=1&sig=canarysignature0123456789canarysignature";
    const thrown = thrownBy(() => new AzureMutex({ sasUrl, containerName: sasUrl }));
    expect(thrown).toBeInstanceOf(TypeError);
    expect(everythingPrinted(thrown)).not.toContain("canary");
  });

  it("with an empty segment in the endpoint's path is refused at once", () => {
    const options = {
      accountName: "acme",
      accountKey: "c2VjcmV0",
      containerName: "locks",
      endpoint: "https://a.example//",
    };
    expect(() => new AzureMutex(options)).toThrow(TypeError);
  });
});
