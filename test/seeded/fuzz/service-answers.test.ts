import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { isMutexError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { FakeClock, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { everythingPrinted } from "../../support/printed.ts";
import {
  type Answer,
  type Asked,
  type Middleman,
  type Operation,
  ServiceDouble,
  STARTS_AT,
} from "../../support/service-double.ts";
import { settled } from "../../support/settled.ts";
import { fuzzing } from "./runs.ts";

const CANARY = "canarysignature0123456789canarysignature";
const CONTAINER = `https://acme.blob.core.windows.net/locks?sv=2026-02-06&sp=rwdl&sig=${CANARY}`;
/** How long a holder may believe in a lease of 30 s, from the request on that was granted. */
const GOOD_FOR_MS = 25_000;
/** A call that sends so many requests is not going to stop. */
const MOST_REQUESTS = 2_000;

const OPERATIONS: readonly Operation[] = [
  "acquire",
  "renew",
  "change",
  "release",
  "break",
  "create",
  "read",
  "write",
  "remove",
  "list",
  "create the container",
];

const DATES = [
  "soon",
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "Mon, 01 Jan 1900 00:00:00 GMT",
  "Fri, 31 Dec 2100 23:59:59 GMT",
  "Fri, 31 Dec 9999 23:59:59 GMT",
];
/** What is absurd for each header. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  date: DATES,
  "last-modified": DATES,
  etag: ["", '"0x1"', "W/weak", '"'],
  "x-ms-lease-id": ["", "null", "00000000-0000-4000-9000-000000000001", "00000000-0000-4000-9000-000000000002"],
  "x-ms-lease-state": ["", "leased", "available", "Breaking", "none"],
  "x-ms-lease-duration": ["infinite", "-1", ""],
  "x-ms-lease-time": ["", "-1", "NaN", "1e9", "soon"],
  "x-ms-request-id": [""],
  "content-type": ["application/xml", "text/html", "application/json", ""],
  location: ["/", "https://elsewhere.example/", "::"],
};
const CODES = [
  "",
  "BlobNotFound",
  "ContainerNotFound",
  "ContainerBeingDeleted",
  "LeaseAlreadyPresent",
  "LeaseIsBreakingAndCannotBeAcquired",
  "LeaseIdMismatchWithLeaseOperation",
  "LeaseIdMismatchWithBlobOperation",
  "LeaseNotPresentWithLeaseOperation",
  "LeaseIsBrokenAndCannotBeRenewed",
  "LeaseLost",
  "LeaseIdMissing",
  "ConditionNotMet",
  "BlobAlreadyExists",
  "ServerBusy",
  "AuthenticationFailed",
  "toString",
  "__proto__",
];
const BODIES = [
  "",
  "<",
  "<html><body>please log in</body></html>",
  "null",
  "{}",
  '{"error":{"code":"BlobNotFound","message":"x"}}',
  "<Error/>",
  "<Error><Code></Code></Error>",
  "<EnumerationResults/>",
  "<EnumerationResults><Blobs/></EnumerationResults>",
  "<EnumerationResults><Blobs><Blob/></Blobs><NextMarker/></EnumerationResults>",
  "<EnumerationResults><Blobs><Blob><Name/><Properties/></Blob></Blobs></EnumerationResults>",
  "<EnumerationResults><Blobs><Blob><Name Encoded='true'>%</Name></Blob></Blobs></EnumerationResults>",
  "<EnumerationResults><Blobs><Blob><Name><a>1</a></Name><Properties><Etag>1</Etag></Properties></" +
    "Blob></Blobs></EnumerationResults>",
  "\u0000\u0001",
  "x".repeat(100_000),
];

type Change =
  | { readonly kind: "drop"; readonly header: string }
  | { readonly kind: "set"; readonly header: string; readonly value: string }
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "body"; readonly body: string; readonly type: string }
  | { readonly kind: "in words"; readonly from: string; readonly to: string }
  /** Answered by a gateway, say: the service does not see it. */
  | {
      readonly kind: "refuse";
      readonly status: number;
      readonly code: string;
      readonly retryAfter?: string | undefined;
    }
  /** The page of a gateway, or nothing, with a status as for any request it does not know. */
  | { readonly kind: "gateway"; readonly status: number; readonly isPage: boolean }
  | { readonly kind: "echo"; readonly status: number }
  | { readonly kind: "lose"; readonly isDone: boolean; readonly isSilent: boolean };

interface Rule {
  readonly operation: Operation | "all";
  /** From which of these requests on, and for how many. */
  readonly from: number;
  readonly times: number;
  readonly change: Change;
}

const status = fc.oneof(
  fc.constantFrom(200, 201, 202, 204, 206, 302, 304, 307, 400, 401, 403, 404, 408, 409, 412, 429, 500, 503),
  fc.integer({ min: 100, max: 999 }),
);
function headerChange(headers: readonly string[]): fc.Arbitrary<Change> {
  return fc.constantFrom(...headers).chain((header) =>
    fc.oneof(
      fc.constant({ kind: "drop" as const, header }),
      fc.constantFrom(...(VALUES[header] ?? [])).map((value) => ({ kind: "set" as const, header, value })),
    ),
  );
}
const listChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant("body" as const),
    body: fc.constantFrom(...BODIES),
    type: fc.constantFrom("application/xml", "application/json", "text/html", ""),
  }),
  fc.record({
    kind: fc.constant("in words" as const),
    from: fc.constantFrom(
      "<Name>",
      "<Etag>",
      "<Last-Modified>",
      "<LeaseState>leased</LeaseState>",
      "Metadata>",
      "<NextMarker></NextMarker>",
      "<Blob>",
      "azmutex",
      "</Blobs>",
    ),
    to: fc.constantFrom("", "<Other>", "<NextMarker>0</NextMarker>", "<Etag>9", "<Name>a/../", "&amp;"),
  }),
);
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  headerChange(Object.keys(VALUES)),
  listChange,
  fc.record({ kind: fc.constant("status" as const), status }),
  fc.record({
    kind: fc.constant("refuse" as const),
    status,
    code: fc.constantFrom(...CODES),
    retryAfter: fc.constantFrom(undefined, "0", "1", "-1", "soon", "8640000"),
  }),
  fc.record({
    kind: fc.constant("gateway" as const),
    status: fc.constantFrom(200, 201, 202, 204, 403, 404, 409, 412, 502),
    isPage: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("echo" as const), status }),
  fc.record({ kind: fc.constant("lose" as const), isDone: fc.boolean(), isSilent: fc.boolean() }),
);
const ruleOf = (operation: fc.Arbitrary<Operation | "all">, by: fc.Arbitrary<Change>): fc.Arbitrary<Rule> =>
  fc.record({
    operation,
    from: fc.constantFrom(0, 0, 1, 2, 3),
    times: fc.constantFrom(1, 2, 4, Infinity, Infinity),
    change: by,
  });
const rule: fc.Arbitrary<Rule> = fc.oneof(
  ruleOf(fc.constantFrom(...OPERATIONS, "all"), anyChange),
  ruleOf(fc.constantFrom("acquire", "create", "read", "write", "all"), headerChange(["date", "etag", "last-modified"])),
  ruleOf(fc.constantFrom("acquire", "renew"), headerChange(["x-ms-lease-id", "date"])),
  ruleOf(fc.constant("list"), listChange),
);
const rules = fc.array(rule, { minLength: 1, maxLength: 3 });

function changed(answer: Answer, by: Change, { url }: Asked): Answer {
  const { headers } = answer;
  switch (by.kind) {
    case "drop":
      return { ...answer, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== by.header)) };
    case "set":
      return { ...answer, headers: { ...headers, [by.header]: by.value } };
    case "status":
      return { ...answer, status: by.status };
    case "body":
      return { ...answer, headers: { ...headers, "content-type": by.type }, body: by.body };
    case "in words":
      return answer.body === undefined ? answer : { ...answer, body: answer.body.replaceAll(by.from, by.to) };
    case "echo":
      return {
        status: by.status,
        headers: { "content-type": "application/xml" },
        body: `<Error><Code>Echo</Code><Message>no ${url.replaceAll("&", "&amp;")}</Message></Error>`,
      };
    case "gateway":
    case "refuse":
    case "lose":
      return answer;
  }
}

function middlemanOf(given: readonly Rule[]): Middleman {
  const seen = new Map<Rule, number>();
  return async (serve, asked) => {
    const due = given.filter((one) => {
      if (one.operation !== "all" && one.operation !== asked.operation) return false;
      const nth = seen.get(one) ?? 0;
      seen.set(one, nth + 1);
      return nth >= one.from && nth < one.from + one.times;
    });
    for (const { change: by } of due) {
      if (by.kind === "refuse") {
        const error = by.code === "" ? {} : { "x-ms-error-code": by.code };
        const retry = by.retryAfter === undefined ? {} : { "retry-after": by.retryAfter };
        return { status: by.status, headers: { ...error, ...retry } };
      }
      if (by.kind === "gateway") {
        return by.isPage
          ? { status: by.status, headers: { "content-type": "text/html" }, body: "<html>no</html>" }
          : { status: by.status, headers: {} };
      }
      if (by.kind === "lose") {
        if (by.isDone) await serve();
        if (by.isSilent) await new Promise<never>(() => undefined);
        throw Object.assign(new Error("socket hang up"), { name: "RestError", code: "ECONNRESET" });
      }
    }
    const answer = await serve();
    return due.reduce((sofar, { change: by }) => changed(sofar, by, asked), answer);
  };
}

/** What no client can see through: an answer in good order that says what is not so. */
function isLie({ operation, change: by }: Rule): boolean {
  if (by.kind === "set") return by.header === "x-ms-lease-id" || by.header === "x-ms-lease-state";
  if (by.kind === "refuse") return by.code === "ContainerNotFound" || by.code === "BlobNotFound";
  return (operation === "list" || operation === "all") && (by.kind === "body" || by.kind === "in words");
}

type Held = {
  readonly isHeld: boolean;
  readonly key: string;
  release(): Promise<void>;
  readonly leaseId?: string;
  readonly fencingToken?: number | undefined;
};

interface Scene {
  readonly mutex: AzureMutex;
  readonly timeoutMs: number;
}

/** Every way to take something, and what else may be taken beside it: nothing. */
const WAYS: Readonly<Record<string, (scene: Scene) => Promise<Held | undefined>>> = {
  tryLock: ({ mutex }) => mutex.locker("k").tryLock(),
  lock: ({ mutex, timeoutMs }) => mutex.locker("k").lock({ timeoutMs }),
  "lock without fencing": ({ mutex, timeoutMs }) => mutex.locker("k", { fencing: false }).lock({ timeoutMs }),
  "fair lock": ({ mutex, timeoutMs }) => mutex.locker("k", { fair: true }).lock({ timeoutMs }),
  write: ({ mutex, timeoutMs }) => new ReaderWriterLock(mutex, "k").write.lock({ timeoutMs }),
  "try to write": ({ mutex }) => new ReaderWriterLock(mutex, "k").write.tryLock(),
  lead: ({ mutex, timeoutMs }) => new LeaderElection(mutex, "k", { data: "here" }).campaign({ timeoutMs }),
  several: async ({ mutex, timeoutMs }) => (await takeAll(mutex, ["k", "l"], { timeoutMs })).locks.get("k"),
  permit: ({ mutex, timeoutMs }) => new Semaphore(mutex, "k", { permits: 1 }).acquire({ timeoutMs }),
  "try for a permit": ({ mutex }) => new Semaphore(mutex, "k", { permits: 1 }).tryAcquire(),
  "fair permit": ({ mutex, timeoutMs }) => new Semaphore(mutex, "k", { permits: 1, fair: true }).acquire({ timeoutMs }),
  read: ({ mutex, timeoutMs }) => new ReaderWriterLock(mutex, "k").read.lock({ timeoutMs }),
};
const way = fc.constantFrom(...Object.keys(WAYS));

/** The lock that it would exclude. */
const RIVALS: Readonly<Record<string, (scene: Scene) => Promise<Held | undefined>>> = {
  permit: (scene) => (WAYS["try for a permit"] ?? expect.fail())(scene),
  read: (scene) => (WAYS["try to write"] ?? expect.fail())(scene),
};

class World {
  readonly clock = new FakeClock();
  readonly memory = new MemoryLeaseStore({ clock: this.clock, startsAt: STARTS_AT });
  readonly log: string[] = [];
  readonly unhandled: unknown[] = [];
  #ids = 0;

  process(given: readonly Rule[] = []): { service: ServiceDouble; scene: Scene } {
    const service = new ServiceDouble(this.clock, { middleman: middlemanOf(given), memory: this.memory, latencyMs: 5 });
    const newId = (): string => {
      this.#ids += 1;
      return `00000000-0000-4000-9000-${String(this.#ids).padStart(12, "0")}`;
    };
    const mutex = new AzureMutex({
      containerClient: service.client(CONTAINER),
      clock: this.clock,
      random: () => 0.5,
      newId,
      log: (line) => this.log.push(line),
    });
    return { service, scene: { mutex, timeoutMs: 8_000 } };
  }

  /** What came of it: within a time, within a number of requests, and with an error of our own if any. */
  async come<T>(promise: Promise<T>, service: ServiceDouble): Promise<T | undefined> {
    const before = service.asked.length;
    const outcome = await settled(this.clock, promise, 100_000, () =>
      expect(service.asked.length - before).toBeLessThan(MOST_REQUESTS),
    );
    if (outcome.status === "fulfilled") return outcome.value;
    if (!isMutexError(outcome.reason)) throw new Error(`raw: ${String(outcome.reason)}`, { cause: outcome.reason });
    expect(everythingPrinted(outcome.reason)).not.toContain("canary");
    return undefined;
  }

  /** Runs a world to its end. */
  static async run(play: (world: World) => Promise<void>): Promise<void> {
    const world = new World();
    const onUnhandled = (reason: unknown): void => void world.unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    try {
      await play(world);
      // What still goes on in the background comes to its end, too.
      await world.clock.advance(70_000);
      expect(world.unhandled).toEqual([]);
      expect(world.log.join("\n")).not.toContain("canary");
    } finally {
      process.off("unhandledRejection", onUnhandled);
    }
  }
}

describe("whatever the service answers", () => {
  it("a lock is had, or not, or an error of our own; none believes in a lease it was not told of", async () => {
    await fc.assert(
      fc.asyncProperty(rules, way, fc.boolean(), async (given, chosen, isBlobThere) => {
        await World.run(async (world) => {
          if (isBlobThere) {
            await world.memory.createContainer();
            await world.memory.putBlob("k");
          }
          const { service, scene } = world.process(given);
          const held = await world.come((WAYS[chosen] ?? expect.fail())(scene), service);
          if (!held) return;
          if (held.fencingToken !== undefined)
            expect(Number.isSafeInteger(held.fencingToken) && held.fencingToken > 0).toBe(true);
          for (let second = 0; second < 40; second += 1) {
            const { now } = { now: world.clock.now() };
            const isToldOf = service.told.some(
              ({ at, leaseId }) => now < at + GOOD_FOR_MS && (held.leaseId ?? leaseId) === leaseId,
            );
            if (held.isHeld) expect(isToldOf).toBe(true);
            await world.clock.advance(1_000);
          }
          await world.come(held.release(), service);
          expect(held.isHeld).toBe(false);
        });
      }),
      fuzzing(120),
    );
  });

  it("two who exclude each other never hold at once", async () => {
    await fc.assert(
      fc.asyncProperty(rules, way, fc.boolean(), async (given, chosen, isFirstHonest) => {
        fc.pre(!given.some(isLie));
        await World.run(async (world) => {
          const honest = world.process();
          const hostile = world.process(given);
          const [one, other] = isFirstHonest ? [honest, hostile] : [hostile, honest];
          const take = WAYS[chosen] ?? expect.fail();
          const isPermit = chosen.includes("permit");
          const rival = (isPermit ? RIVALS.permit : RIVALS[chosen]) ?? WAYS.tryLock ?? expect.fail();
          const held = await world.come(take(one.scene), one.service);
          for (let tries = 0; held && tries < 12; tries += 1) {
            const second = await world.come(rival(other.scene), other.service);
            expect(held.isHeld && second?.isHeld).not.toBe(true);
            if (second) break;
            await world.clock.advance(3_000);
          }
        });
      }),
      fuzzing(80),
    );
  });

  it("who looks, breaks, or takes a lease by hand gets an answer, or an error of our own", async () => {
    await fc.assert(
      fc.asyncProperty(rules, fc.boolean(), async (given, isHeld) => {
        await World.run(async (world) => {
          const { scene: honest, service } = world.process();
          if (isHeld) {
            for (const name of ["lock", "permit"]) await world.come((WAYS[name] ?? expect.fail())(honest), service);
            await world.come(new ReaderWriterLock(honest.mutex, "r").read.tryLock(), service);
          }
          const { scene, service: hostile } = world.process(given);
          const { mutex } = scene;
          const listed = async (): Promise<number> => {
            let count = 0;
            for await (const { key, isHeld: isListedHeld } of mutex.list()) {
              expect([typeof key, typeof isListedHeld]).toEqual(["string", "boolean"]);
              count += 1;
            }
            return count;
          };
          const looked: (() => Promise<unknown>)[] = [
            () => mutex.inspect("k"),
            listed,
            () => new Semaphore(mutex, "k", { permits: 1 }).available(),
            () => new LeaderElection(mutex, "k").leader(),
            () => mutex.acquire("k", 15),
            () => mutex.acquire("hand", "infinite"),
            () => mutex.renew("hand"),
            () => mutex.release("hand"),
            () => mutex.break("k", { ifHolder: "unknown" }),
            () => mutex.break("k", { permit: 0 }),
            () => mutex.break("r", { reader: "unknown" }),
            () => mutex.break("k", { periodSeconds: 0 }),
          ];
          for (const look of looked) await world.come(look(), hostile);
        });
      }),
      fuzzing(60),
    );
  });
});
