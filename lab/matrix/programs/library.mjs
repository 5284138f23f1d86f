// What the library promises, tried under one runtime against an emulator.
import { createRequire } from "node:module";
import { ManagedIdentityCredential } from "@azure/identity";
import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import * as tracing from "@opentelemetry/sdk-trace-base";
import { AzureMutex, isMutexError, LeaderElection, Locker, lockAll, ReaderWriterLock, Semaphore } from "azmutex";
import { describeLeaseStore, FakeClock, MemoryLeaseStore, startEmulator } from "azmutex/testing";
import {
  CONNECTION,
  equal,
  expect,
  freshKey,
  holds,
  isOfAzurite,
  program,
  runChecks,
  sleep,
  start,
  until,
} from "./checks.mjs";

const open = () => new AzureMutex({ connectionString: CONNECTION, containerName: "matrix" });
const mine = open();
const theirs = open();
const SHORT = { leaseSeconds: 15 };

// Registered before any lock, as a program does it at its start; the three majors of the SDK differ.
const spans = new tracing.InMemorySpanExporter();
const processor =
  "TracerProvider" in tracing
    ? new tracing.SimpleSpanProcessor({ exporter: spans })
    : new tracing.SimpleSpanProcessor(spans);
const tracers = new (tracing.TracerProvider ?? tracing.BasicTracerProvider)({ spanProcessors: [processor] });
tracers.addSpanProcessor?.(processor);
const reader = new PeriodicExportingMetricReader({
  exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
});
const meters = new MeterProvider({ readers: [reader] });
meters.addMetricReader?.(reader);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(tracers);
metrics.setGlobalMeterProvider(meters);

await runChecks({
  "`require` gives the same copy as `import`": async () => {
    const required = createRequire(import.meta.url)("azmutex");
    holds(required.AzureMutex === AzureMutex, "one class in both module systems");
  },
  "lock, unlock, fencing tokens": async () => {
    const locker = mine.locker(freshKey("lock"));
    const tokens = [];
    for (let round = 0; round < 3; round += 1) await locker.run((lock) => tokens.push(lock.fencingToken));
    await locker.lock();
    await locker.unlock();
    holds(tokens[0] < tokens[1] && tokens[1] < tokens[2], `tokens grow: ${tokens}`);
  },
  "`tryLock`, time-out and abort while another holds": async () => {
    const key = freshKey("busy");
    const held = await mine.locker(key).lock();
    equal(await theirs.locker(key).tryLock(), undefined, "tryLock");
    const late = await theirs
      .locker(key)
      .lock({ timeoutMs: 300 })
      .catch((error) => error);
    equal(isMutexError(late) && late.code, "LOCK_TIMEOUT", "time-out");
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    equal(
      await theirs
        .locker(key)
        .lock({ signal: controller.signal })
        .catch((error) => error === reason),
      true,
      "abort",
    );
    await held.release();
  },
  "`await using`'s protocol": async () => {
    const lock = await mine.locker(freshKey("using")).lock();
    await lock[Symbol.asyncDispose]();
    equal(lock.isHeld, false, "isHeld");
  },
  "a lock is renewed past its lease": async () => {
    const key = freshKey("renewed");
    const lock = await mine.locker(key, SHORT).lock();
    await sleep(17_000);
    equal(
      [lock.isHeld, lock.signal.aborted, await theirs.locker(key).tryLock()],
      [true, false, undefined],
      "held, aborted, other's try",
    );
    await lock.release();
  },
  "a lock that is broken is lost": async () => {
    const key = freshKey("broken");
    const lock = await mine.locker(key, { leaseSeconds: 15, renewEveryMs: 500 }).lock();
    await theirs.break(key, { periodSeconds: 0 });
    await until(() => lock.signal.aborted, "the signal aborts");
    equal([lock.signal.reason.code, lock.signal.reason.why], ["LOCK_LOST", "broken"], "the reason");
    await lock.release();
  },
  "a killed holder's lock is free after its lease": async () => {
    const key = freshKey("killed");
    const peer = start(program("peer.mjs", "hold", key));
    await peer.printed("held");
    equal(await mine.locker(key).tryLock(), undefined, "while it lives");
    peer.child.kill("SIGKILL");
    const lock = await mine.locker(key).lock({ timeoutMs: 60_000 });
    await lock.release();
  },
  "`fair` between processes": async () => {
    const key = freshKey("fair");
    const lock = await mine.locker(key, { ...SHORT, fair: true }).lock();
    const peers = [];
    for (let n = 0; n < 2; n += 1) {
      const peer = start(program("peer.mjs", "fair", key));
      await peer.printed("asking");
      await until(async () => (await mine.inspect(key))?.waiting?.length === n + 1, "a ticket");
      // Tickets are ordered by the service's seconds.
      await sleep(1_100);
      peers.push(peer);
    }
    await lock.release();
    const [first, second] = await Promise.all(
      peers.map(async ({ ended }) => Number(/got (\d+)/.exec((await ended).out)?.[1])),
    );
    holds(first <= second, `in the order of arrival: ${first} ${second}`);
  },
  semaphore: async () => {
    const key = freshKey("permits");
    const [a, b] = [new Semaphore(mine, key, { permits: 2 }), new Semaphore(theirs, key, { permits: 2 })];
    const permits = [await a.acquire(), await b.acquire()];
    equal(await a.tryAcquire(), undefined, "a third");
    for (const permit of permits) await permit.release();
    equal(await a.available(), 2, "free again");
  },
  "reader-writer lock": async () => {
    const key = freshKey("config");
    const [a, b] = [new ReaderWriterLock(mine, key), new ReaderWriterLock(theirs, key)];
    const reads = [await a.read.lock(), await b.read.lock()];
    equal(await a.write.tryLock(), undefined, "a writer beside readers");
    for (const read of reads) await read.release();
    await (await a.write.lock()).release();
  },
  "leader election": async () => {
    const key = freshKey("leader");
    const leadership = await new LeaderElection(mine, key, { candidate: "one" }).campaign();
    equal((await new LeaderElection(theirs, key).leader())?.candidate, "one", "the leader");
    await leadership.release();
  },
  "`lockAll`": async () => {
    const keys = [freshKey("a"), freshKey("b")];
    const set = await lockAll(mine, keys).lock();
    equal(await theirs.locker(keys[1]).tryLock(), undefined, "one of them");
    await set.release();
  },
  "`releaseOnSignals`": async () => {
    const key = freshKey("signal");
    const peer = start(program("peer.mjs", "signal", key));
    await peer.printed("held");
    peer.child.kill("SIGTERM");
    equal((await peer.ended).signal, "SIGTERM", "how it ends");
    const lock = await mine.locker(key).tryLock();
    holds(lock, "the lock is free");
    await lock.release();
  },
  "a process with nothing else to do ends": async () => {
    const began = performance.now();
    const { code, out, err } = await start(program("peer.mjs", "end", freshKey("end"))).ended;
    equal([code, out.includes("done")], [0, true], err || "how it ends");
    holds(performance.now() - began < 15_000, "it ends before a lease has passed");
  },
  "`process.exit` at a signal: a child process releases": async () => {
    // The child has 2 s, so a busy machine gets three tries.
    for (let tries = 3; ; tries -= 1) {
      const key = freshKey("exit");
      const peer = start(program("peer.mjs", "exit", key));
      await peer.printed("held");
      peer.child.kill("SIGTERM");
      const { out, err } = await peer.ended;
      equal(out.trim().split("\n").at(-1), "exits with 3", `how it ends: ${err}`);
      const lock = await mine.locker(key).tryLock();
      await lock?.release();
      if (lock) break;
      holds(tries > 1, "the lock is free");
    }
  },
  "a credential of `@azure/identity`": async () => {
    const credential = new ManagedIdentityCredential();
    const mutex = new AzureMutex({ endpoint: process.env.MATRIX_BLOB_ENDPOINT, credential, containerName: "matrix" });
    const key = freshKey("identity");
    const lock = await mutex.locker(key, { leaseSeconds: 15, renewEveryMs: 500 }).lock();
    await sleep(2_000);
    equal([lock.isHeld, await mine.locker(key).tryLock()], [true, undefined], "held, and the other's try");
    await lock.release();
    holds(await mine.locker(key).tryLock(), "released");
  },
  "OpenTelemetry: spans": async () => {
    const memory = new AzureMutex({ store: new MemoryLeaseStore() });
    await memory.locker("traced").run(() => trace.getTracer("app").startSpan("work").end());
    const finished = spans.getFinishedSpans();
    const hold = finished.find(
      ({ name, attributes }) => name === "azmutex.hold" && attributes["azmutex.key"] === "traced",
    );
    const work = finished.find(({ name }) => name === "work");
    holds(hold, "the hold is a span");
    equal(work?.spanContext().traceId, hold.spanContext().traceId, "the work is in its trace");
  },
  "OpenTelemetry: metrics": async () => {
    await new AzureMutex({ store: new MemoryLeaseStore() }).locker("measured").run(() => undefined);
    const { resourceMetrics } = await reader.collect();
    const found = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const names = found.filter(({ dataPoints }) => dataPoints.length > 0).map(({ descriptor }) => descriptor.name);
    for (const name of ["azmutex.lock.wait.duration", "azmutex.lock.hold.duration"])
      holds(names.includes(name), `${name} in ${names}`);
  },
  "testing kit: fake clock and store in memory": async () => {
    const clock = new FakeClock();
    const mutex = new AzureMutex({ store: new MemoryLeaseStore({ clock }), clock });
    const lock = await mutex.locker("k").lock();
    await clock.advance(3_600_000);
    equal(lock.isHeld, true, "held for an hour");
    await lock.release();
  },
  "testing kit: the store's contract": async () => {
    const tests = [];
    const framework = { describe: (_, define) => define(), it: (name, test) => tests.push([name, test]), expect };
    const setup = () => {
      const clock = new FakeClock();
      const store = new MemoryLeaseStore({ clock });
      const foreign = {
        putBlob: async (key, options) => (await store.putBlob(key, options)).kind === "written",
        deleteBlob: async (key, options) => (await store.remove(key, options)).kind === "removed",
        deleteContainer: async () => store.deleteContainer(),
      };
      return { store, advance: (ms) => clock.advance(ms), foreign };
    };
    describeLeaseStore("memory", setup, framework);
    for (const [name, test] of tests)
      await test().catch((error) => Promise.reject(new Error(`${name}: ${error.message}`)));
    holds(tests.length > 50, `${tests.length} tests`);
  },
  "testing kit: `startEmulator`": async () => {
    const emulator = await startEmulator();
    const locker = new Locker({ connectionString: emulator.connectionString, containerName: "own" }, "k");
    equal(await locker.run(() => "ran"), "ran", "a lock on it");
    await emulator.close();
  },
  "testing kit: `startEmulator` with a clock of its own": async () => {
    const emulator = await startEmulator({ ownClock: true });
    const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "own" });
    await mutex.acquire("k", 15);
    await emulator.advance(16_000);
    const other = new AzureMutex({ connectionString: emulator.connectionString, containerName: "own" });
    await other.acquire("k", 15);
    await emulator.close();
  },
  "the status of locks": async () => {
    const key = freshKey("status");
    const lock = await mine.locker(key, { purpose: "matrix" }).lock();
    const status = await theirs.inspect(key);
    equal([status?.state, status?.holder?.name !== undefined], ["leased", true], "state and holder");
    const found = [];
    for await (const one of theirs.list({ prefix: key })) found.push(one.key);
    equal(found, [key], "list");
    await lock.release();
  },
  "`diagnose` finds what Azurite is known for": async () => {
    const mutex = new AzureMutex({ connectionString: CONNECTION, containerName: "doctor" });
    // So that the container is there.
    await mutex.locker(freshKey("first")).run(() => undefined);
    isOfAzurite(await mutex.diagnose());
  },
});
