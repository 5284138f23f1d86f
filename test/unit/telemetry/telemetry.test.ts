import {
  type ContextManager,
  context,
  type Meter,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";
import { OpenTelemetrySdk } from "../../support/open-telemetry.ts";
import { World } from "../../support/world.ts";

let sdk: OpenTelemetrySdk;
beforeEach(() => {
  sdk = new OpenTelemetrySdk();
});
afterEach(() => sdk[Symbol.asyncDispose]());

const caller = (): Span => trace.getTracer("caller").startSpan("caller");
const under = <T>(span: Span, work: () => T): T => context.with(trace.setSpan(context.active(), span), work);

describe("a lock, as spans tell it", () => {
  it("is waited for and held under the caller's span, and the hold is linked to the wait", async () => {
    const { clock, world, mutex } = setup();
    const span = caller();
    const lock = await under(span, () => mutex.locker("job").lock());
    await clock.advance(1_500);
    await lock.release();
    await world.clock.settle();
    const [wait, hold] = [sdk.span("azmutex.lock"), sdk.span("azmutex.hold")];
    expect(wait.parentSpanContext?.spanId).toBe(span.spanContext().spanId);
    expect(hold.parentSpanContext?.spanId).toBe(span.spanContext().spanId);
    expect(hold.links.map((link) => link.context.spanId)).toEqual([wait.spanContext().spanId]);
    const told = { "azmutex.kind": "lock", "azmutex.key": "job", "azmutex.token": lock.fencingToken };
    expect(wait.attributes).toEqual({
      ...told,
      "azmutex.outcome": "acquired",
      "azmutex.wait": 0,
      "azmutex.attempts": 1,
    });
    expect(hold.attributes).toEqual({ ...told, "azmutex.outcome": "released", "azmutex.hold": 1.5 });
    expect(wait.instrumentationScope).toMatchObject({ name: "azmutex", version: expect.stringMatching(/^\d/) });
  });

  it("has what happens meanwhile below it: requests below the wait, the work of run below the hold", async () => {
    const { store, mutex } = setup();
    const asked: (string | undefined)[] = [];
    const acquire = store.acquire.bind(store);
    store.acquire = (...given) => {
      asked.push(trace.getActiveSpan()?.spanContext().spanId);
      return acquire(...given);
    };
    const inside = await mutex.locker("job").run(() => trace.getActiveSpan()?.spanContext().spanId);
    await Promise.resolve();
    expect(asked).toContain(sdk.span("azmutex.lock").spanContext().spanId);
    expect(inside).toBe(sdk.span("azmutex.hold").spanContext().spanId);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it("has each renewal in a trace of its own, linked to the hold, after a hand-over to the next one's", async () => {
    const { world, store, mutex } = setup();
    const active: (string | undefined)[] = [];
    const renew = store.renew.bind(store);
    store.renew = (...args) => {
      active.push(trace.getActiveSpan()?.spanContext().spanId);
      return renew(...args);
    };
    const first = await mutex.locker("job").lock();
    const waiting = mutex.locker("job").lock();
    await world.clock.advance(8_000);
    await first.release();
    const second = await world.until(waiting);
    await world.clock.advance(10_000);
    store.failBefore("renew", { times: 1 });
    await world.clock.advance(10_500);
    await second.release();
    await world.clock.settle();
    const renewals = sdk.spans.filter(({ name }) => name === "azmutex.renewal");
    const holds = sdk.spans.filter(({ name }) => name === "azmutex.hold");
    expect(renewals.map((span) => span.parentSpanContext)).toEqual(renewals.map(() => undefined));
    expect(new Set(renewals.map((span) => span.spanContext().traceId)).size).toBe(renewals.length);
    expect(active).toEqual(renewals.map((span) => span.spanContext().spanId));
    const held = renewals.map(({ links }) =>
      holds.findIndex((hold) => hold.spanContext().spanId === links[0]?.context.spanId),
    );
    expect(held).toEqual([0, ...renewals.slice(1).map(() => 1)]);
    expect(renewals.map(({ status }) => status.code)).toContain(SpanStatusCode.ERROR);
    expect(renewals[0]?.attributes).toEqual({ "azmutex.kind": "lock", "azmutex.key": "job" });
  });

  it("is no error when others hold it: refused, waited for or timed out", async () => {
    const { world, mutex } = setup();
    const other = world.process().mutex;
    const held = await other.locker("job").lock();
    expect(await mutex.locker("job").tryLock()).toBeUndefined();
    await world.until(
      mutex
        .locker("job")
        .lock({ timeoutMs: 200 })
        .catch(() => undefined),
    );
    const waiting = mutex.locker("job").lock();
    await world.clock.advance(2_000);
    await held.release();
    await (await world.until(waiting)).release();
    const waits = sdk.spans.filter(({ name }) => name === "azmutex.lock").slice(1);
    expect(waits.map(({ attributes }) => attributes["azmutex.outcome"])).toEqual(["held", "timeout", "acquired"]);
    expect(waits.map(({ status }) => status.code)).toEqual([
      SpanStatusCode.UNSET,
      SpanStatusCode.UNSET,
      SpanStatusCode.UNSET,
    ]);
    expect(waits[2]?.attributes["azmutex.attempts"]).toBeGreaterThan(3);
    expect(waits[2]?.attributes["azmutex.wait"]).toBeGreaterThan(2);
  });

  it("is an error when the service does not answer, and when it was lost", async () => {
    const { world, store, mutex } = setup();
    store.hang("acquire");
    await world.until(
      mutex
        .locker("job")
        .lock({ timeoutMs: 5_000 })
        .catch(() => undefined),
    );
    const wait = sdk.span("azmutex.lock");
    expect(wait.status.code).toBe(SpanStatusCode.ERROR);
    expect(wait.attributes).toMatchObject({ "azmutex.outcome": "timeout", "error.type": "STORE_UNAVAILABLE" });
    store.heal();
    const lock = await world.until(mutex.locker("other").lock());
    store.hang("renew");
    await world.clock.advance(30_000);
    expect(lock.signal.aborted).toBe(true);
    const hold = sdk.span("azmutex.hold");
    expect(hold.status).toMatchObject({ code: SpanStatusCode.ERROR, message: lock.signal.reason.message });
    expect(hold.attributes).toMatchObject({
      "azmutex.outcome": "lost",
      "azmutex.why": "expired",
      "error.type": "LOCK_LOST",
    });
    expect(hold.events.map(({ name }) => name)).toContain("azmutex.renewal.failed");
    expect(await sdk.measured("azmutex.lock.losses")).toEqual({ "lock expired": 1 });
  });

  it("ends its wait at once when the caller gives up, whatever goes on in the background", async () => {
    const { world, store, mutex } = setup();
    const controller = new AbortController();
    store.hang("acquire");
    const waiting = mutex.locker("job").lock({ signal: controller.signal });
    await world.clock.advance(10);
    expect(sdk.openSpans).toBe(1);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(sdk.openSpans).toBe(0);
    expect(sdk.span("azmutex.lock").attributes["azmutex.outcome"]).toBe("aborted");
    expect(sdk.span("azmutex.lock").status.code).toBe(SpanStatusCode.UNSET);
  });

  it("ends when the service could not be told of its release", async () => {
    const { world, store, mutex } = setup();
    const lock = await mutex.locker("job").lock();
    store.hang("release");
    await expect(world.until(lock.release())).rejects.toThrow("no answer");
    expect(sdk.span("azmutex.hold").attributes).toMatchObject({
      "azmutex.outcome": "unreleased",
      "error.type": "STORE_UNAVAILABLE",
    });
    expect(sdk.openSpans).toBe(0);
  });
});

describe("the recipes, as spans tell them", () => {
  it("have spans of their own", async () => {
    const { world, mutex } = setup();
    const election = new LeaderElection(mutex, "office");
    await (await world.until(election.campaign())).resign();
    await world.until(new Semaphore(mutex, "pool", { permits: 2 }).run(() => undefined));
    const both = new ReaderWriterLock(mutex, "config");
    await world.until(both.write.run(() => undefined));
    await world.until(both.read.run(() => undefined));
    await (await world.until(takeAll(mutex, ["b", "a"]))).release();
    await world.clock.settle();
    expect(sdk.spans.map(({ name }) => name)).toEqual([
      ...["azmutex.election.campaign", "azmutex.election.lead", "azmutex.semaphore.acquire", "azmutex.semaphore.hold"],
      ...["azmutex.rwlock.write", "azmutex.rwlock.write.hold", "azmutex.rwlock.read", "azmutex.rwlock.read.hold"],
      ...["azmutex.lock_all", "azmutex.lock_all.hold"],
    ]);
    expect(sdk.span("azmutex.lock_all").attributes["azmutex.keys"]).toEqual(["a", "b"]);
    expect(sdk.openSpans).toBe(0);
  });

  it("run a leader's work below the span of its term", async () => {
    const { world, mutex } = setup();
    const controller = new AbortController();
    let inside: string | undefined;
    const run = new LeaderElection(mutex, "office").run(
      () => {
        inside = trace.getActiveSpan()?.spanContext().spanId;
        controller.abort(new Error("enough"));
      },
      { signal: controller.signal },
    );
    await expect(world.until(run)).rejects.toThrow("enough");
    expect(inside).toBe(sdk.span("azmutex.election.lead").spanContext().spanId);
  });
});

describe("a key", () => {
  const leak = async (key: "hash" | "none"): Promise<string> => {
    const { world, store, mutex } = setup({ telemetry: { key } });
    const lock = await mutex.locker("Acme-4711").lock();
    store.hang("renew");
    await world.clock.advance(30_000);
    expect(lock.signal.aborted).toBe(true);
    await world.until(takeAll(mutex, ["Acme-4711", "Acme-4712"], { timeoutMs: 100 }).catch(() => undefined));
    return JSON.stringify(
      sdk.spans.map(({ name, attributes, status, events }) => ({ name, attributes, status, events })),
    );
  };

  it("is hashed where that is wanted, and then no message quotes it", async () => {
    const told = await leak("hash");
    expect(told).not.toContain("4711");
    // printf %s Acme-4711 | sha256sum
    expect(told).toContain('"azmutex.key_hash":"b04e4799f64af892"');
    expect(told).toContain('"azmutex.key_hashes":["b04e4799f64af892",');
  });

  it("is nowhere where that is wanted", async () => {
    const told = await leak("none");
    expect(told).not.toContain("4711");
    expect(told).not.toMatch(/azmutex\.key/);
    expect(told).toContain("azmutex.hold");
  });

  it("is never in a metric", async () => {
    const { world, mutex } = setup();
    await world.until(mutex.locker("Acme-4711").run(() => undefined));
    const all = JSON.stringify(await sdk.collect());
    expect(all).toContain("azmutex.storage.requests");
    expect(all).not.toContain("4711");
  });
});

describe("what metrics say", () => {
  it("is what was held, waited for, asked and renewed", async () => {
    const { world, mutex } = setup();
    const first = await mutex.locker("job").lock();
    const waiting = mutex.locker("job").lock();
    const gone = mutex
      .locker("job")
      .lock({ timeoutMs: 1_000 })
      .catch(() => undefined);
    await world.clock.advance(12_000);
    await gone;
    expect(await sdk.measured("azmutex.lock.held")).toEqual({ lock: 1 });
    expect(await sdk.measured("azmutex.lock.waiting")).toEqual({ lock: 1 });
    expect(await sdk.measured("azmutex.lease.renewal.duration")).toEqual({ renewed: 1 });
    await first.release();
    await (await world.until(waiting)).release();
    await world.clock.settle();
    expect(await sdk.measured("azmutex.lock.held")).toEqual({ lock: 0 });
    expect(await sdk.measured("azmutex.lock.waiting")).toEqual({ lock: 0 });
    expect(await sdk.measured("azmutex.lock.wait.duration")).toEqual({ "lock acquired": 2, "lock timeout": 1 });
    expect(await sdk.measured("azmutex.storage.requests")).toMatchObject({
      "acquire acquired": 2,
      "renew renewed": 1,
      "release released": 2,
    });
    expect(await sdk.measured("azmutex.lock.polls")).toEqual({ lock: 2 });
  });

  it("counts the end of a hold once, if it was lost and then released", async () => {
    const { world, store, mutex } = setup();
    const lock = await mutex.locker("job").lock();
    store.hang("renew");
    await world.clock.advance(26_000);
    store.heal();
    await world.until(lock.release());
    await world.clock.settle();
    expect(await sdk.measured("azmutex.lock.held")).toEqual({ lock: 0 });
    expect(await sdk.measured("azmutex.lock.losses")).toEqual({ "lock expired": 1 });
  });

  it("has the gap between two tasks of one process", async () => {
    const { world, mutex } = setup();
    const locker = mutex.locker("job");
    const first = await locker.lock();
    const second = locker.lock();
    await first.release();
    await (await second).release();
    await world.clock.settle();
    expect(await sdk.measured("azmutex.lock.handover.gap")).toEqual({ task: 1 });
    expect(await sdk.measured("azmutex.lock.hold.duration")).toEqual({ "lock handed_over": 1, "lock released": 1 });
  });

  it("counts requests that failed, but not those that the caller ended, as failures", async () => {
    const { world, store, mutex } = setup();
    store.failBefore("acquire", { times: 2, answered: true });
    await world.until(mutex.locker("job").run(() => undefined));
    store.hang("acquire");
    await world.until(
      mutex
        .locker("job")
        .lock({ timeoutMs: 1_000 })
        .catch(() => undefined),
    );
    expect(await sdk.measured("azmutex.lease.try.failures")).toEqual({ "acquire STORE_UNAVAILABLE": 2 });
    expect(await sdk.measured("azmutex.storage.requests")).toMatchObject({
      "acquire failed STORE_UNAVAILABLE": 2,
      "acquire aborted": 1,
    });
  });
});

describe("an SDK", () => {
  it("that is registered after the mutex was used sees what comes then, and so does the one after it", async () => {
    await sdk[Symbol.asyncDispose]();
    const { world, mutex } = setup();
    const locker = mutex.locker("job");
    const early = await locker.lock();
    sdk = new OpenTelemetrySdk();
    await early.release();
    await locker.run(() => undefined);
    await world.clock.settle();
    expect(sdk.spans.map(({ name }) => name)).toEqual(["azmutex.lock", "azmutex.hold"]);
    expect(await sdk.measured("azmutex.lock.held")).toEqual({ lock: 0 });
    const before = sdk;
    await before[Symbol.asyncDispose]();
    sdk = new OpenTelemetrySdk();
    await locker.run(() => undefined);
    await world.clock.settle();
    expect(sdk.spans).toHaveLength(2);
    expect(await sdk.measured("azmutex.lock.hold.duration")).toEqual({ "lock released": 1 });
  });

  it("that throws, whatever it is asked, costs no lock", async () => {
    const broken = <T extends object>(): T =>
      new Proxy({} as T, {
        get: () => () => {
          throw new Error("no");
        },
      });
    await sdk[Symbol.asyncDispose]();
    trace.setGlobalTracerProvider({ getTracer: () => broken<Tracer>() });
    metrics.setGlobalMeterProvider({ getMeter: () => broken<Meter>() });
    const { world, mutex } = setup();
    expect(await world.until(mutex.locker("job").run((lock) => lock.isHeld))).toBe(true);
    trace.disable();
    metrics.disable();
    // Spans and instruments that can be had, and throw when they are used; and a context manager that does, before or
    // after it ran the work.
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: () => broken<Span>() }) as unknown as Tracer });
    metrics.setGlobalMeterProvider({ getMeter: () => new Proxy({} as Meter, { get: () => () => broken() }) });
    let runs = 0;
    for (const afterwards of [false, true]) {
      context.disable();
      const manager: ContextManager = {
        active: () => ROOT_CONTEXT,
        bind: (_context, target) => target,
        enable: () => manager,
        disable: () => manager,
        with: (_context, work, ...rest) => {
          if (afterwards) Reflect.apply(work, undefined, rest.slice(1));
          throw new Error("no");
        },
      };
      context.setGlobalContextManager(manager);
      await world.until(
        mutex.locker("job").run(() => {
          runs += 1;
        }),
      );
      await expect(world.until(mutex.locker("job").run(() => Promise.reject(new Error("mine"))))).rejects.toThrow(
        "mine",
      );
    }
    expect(runs).toBe(2);
  });

  it("is told nothing by a mutex with telemetry: false", async () => {
    const { world, mutex } = setup({ telemetry: false });
    const heard: string[] = [];
    const locker = mutex.locker("job").on("released", ({ key }) => heard.push(key));
    await world.until(locker.run(() => undefined));
    await world.clock.settle();
    expect(heard).toEqual(["job"]);
    expect(sdk.spans).toEqual([]);
    expect(await sdk.collect()).toEqual([]);
  });

  it("does not change from when on listeners are told", async () => {
    const { world, mutex } = setup();
    const locker = mutex.locker("job");
    const early = await locker.lock();
    const heard: string[] = [];
    locker.on("released", ({ key }) => heard.push(key));
    await early.release();
    await world.clock.settle();
    expect(heard).toEqual([]);
    expect(sdk.spans).toHaveLength(2);
  });

  it("changes no request and no time", async () => {
    const observed = await requests();
    await sdk[Symbol.asyncDispose]();
    expect(await requests()).toEqual(observed);
    expect(observed.length).toBeGreaterThan(20);
  });
});

describe("the option telemetry", () => {
  it.each([
    [null, "telemetry must be false or an object of options, not null"],
    [true, "telemetry must be false or an object of options, not true"],
    ["plain", 'telemetry must be false or an object of options, not "plain"'],
    [{ key: "sha1" }, 'telemetry.key must be "plain", "hash" or "none", not "sha1"'],
  ])("cannot be %j", (telemetry, message) => {
    expect(() => new AzureMutex({ store: new MemoryLeaseStore(), telemetry: telemetry as never })).toThrow(
      new TypeError(message),
    );
  });
});

/**
 * Requests with their times: two processes that share a lock, with hand-overs, a wait that is given up, renewals and a
 * loss.
 */
async function requests(): Promise<string[]> {
  const { world, store, mutex } = setup();
  const other = world.process().mutex.locker("job");
  const locker = mutex.locker("job");
  const held = await world.until(locker.lock());
  const waiting = [locker.lock(), other.lock(), locker.lock({ timeoutMs: 3_000 }).catch(() => undefined)];
  await world.clock.advance(15_000);
  await held.release();
  await world.until(Promise.all(waiting.map(async (one) => (await one)?.release())));
  await (await world.until(mutex.locker("other", { fair: true }).lock())).release();
  await world.until(locker.lock());
  store.hang("renew");
  await world.clock.advance(60_000);
  return store.calls.map(({ operation, at }) => `${at} ${operation}`);
}

function setup(options: ConstructorParameters<typeof AzureMutex>[0] = {}) {
  const world = new World();
  return { world, clock: world.clock, ...world.process(options) };
}
