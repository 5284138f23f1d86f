import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { AccessDeniedError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { Once } from "../../../src/recipes/once/once.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { FaultyLeaseStore, MemoryLeaseStore, MemoryWakeUps } from "../../../src/testing/index.ts";
import { sleep } from "../../../src/time/clock.ts";
// Loaded before the clock of the test moves.
import "../../../src/waiting/wake-ups/mutex-wake-ups.ts";
import { OpenTelemetrySdk } from "../../support/open-telemetry.ts";
import { PROJECT } from "../../support/sources.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

const TEXT = readFileSync(join(PROJECT, "docs/telemetry.md"), "utf8");

/** The rows of the table under a heading, cell by cell. */
function tableUnder(heading: string): string[][] {
  const section = TEXT.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const quoted = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

const sdk = new OpenTelemetrySdk();
const events = new Map<string, Set<string>>();
let measured: Awaited<ReturnType<OpenTelemetrySdk["collect"]>> = [];

beforeAll(async () => {
  await everything();
  measured = await sdk.collect();
});
afterAll(() => sdk[Symbol.asyncDispose]());

describe("docs/telemetry.md", () => {
  /** Attributes by span; a row may be as another one. */
  const spans = new Map<string, string[]>();
  for (const [name = "", , cell = ""] of tableUnder("Spans")) {
    const [, like = "", but = ""] = /^as `([^`]+)`(.*)$/.exec(cell) ?? [];
    const [more = "", instead = ""] = quoted(/(.*) instead of (.*?)(?:,|$)/.exec(but)?.[0]);
    const without = quoted(/without (.*)/.exec(but)?.[1]);
    const base = spans.get(like)?.filter((attribute) => attribute !== instead && !without.includes(attribute));
    spans.set(quoted(name)[0] ?? "", base ? [...base, ...(more ? [more] : [])] : quoted(cell));
  }
  /** What only failures have, and locks that were waited for: not every span of the run is of one. */
  const NOT_ALWAYS = ["error.type", "azmutex.why", "azmutex.woken_by", "azmutex.gap"];

  it("is what the dashboard asks for, by the names and labels that Prometheus has", () => {
    const dashboard = readFileSync(join(PROJECT, "docs/grafana-dashboard.json"), "utf8");
    const label = (name: string): string => name.replaceAll(".", "_");
    const series = tableUnder("Metrics").flatMap(([name = "", instrument, unit]) => {
      const base = `${label(quoted(name)[0] ?? "")}${unit === "`s`" ? "_seconds" : ""}`;
      return instrument === "histogram" ? [`${base}_bucket`] : [instrument === "counter" ? `${base}_total` : base];
    });
    const labels = tableUnder("Metrics").flatMap(([, , , attributes]) => quoted(attributes).map(label));
    const asked: readonly string[] = dashboard.match(/\b(?:azmutex|error)_\w+/g) ?? [];
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !series.includes(name) && !labels.includes(name))).toEqual([]);
    expect(series.filter((name) => !asked.includes(name))).toEqual(["azmutex_lock_polls_total"]);
  });

  it("names every span, with what it says, and no other", () => {
    const told = new Map<string, string[]>();
    for (const { name, attributes } of sdk.spans) {
      const says = Object.keys(attributes).map((attribute) =>
        attribute.replace(/_hash(?:es)?$/, attribute.endsWith("es") ? "s" : ""),
      );
      told.set(name, [...(told.get(name) ?? []), ...says]);
    }
    expect(sorted(told.keys())).toEqual(sorted(spans.keys()));
    for (const name of ["azmutex.lock", "azmutex.hold"])
      expect(sorted(told.get(name) ?? []), name).toEqual(sorted(spans.get(name) ?? []));
    for (const [name, attributes] of told) {
      const always = (some: readonly string[]): string[] => sorted(some.filter((one) => !NOT_ALWAYS.includes(one)));
      expect(always(attributes), name).toEqual(always(spans.get(name) ?? []));
      expect(
        attributes.filter((one) => !spans.get(name)?.includes(one)),
        name,
      ).toEqual([]);
    }
  });

  it("names every metric, with its instrument, its unit and its attributes, and no other", () => {
    const told = measured.map(({ descriptor: { name, unit }, dataPointType, dataPoints, ...metric }) => {
      const isLevel = "isMonotonic" in metric && !metric.isMonotonic;
      const instrument =
        dataPointType === DataPointType.HISTOGRAM ? "histogram" : isLevel ? "up-down counter" : "counter";
      const points: readonly { readonly attributes: object }[] = dataPoints;
      return [name, instrument, unit, ...sorted(points.flatMap(({ attributes }) => Object.keys(attributes)))].join(" ");
    });
    const rows = tableUnder("Metrics").map(([name, instrument, unit, attributes]) =>
      [...quoted(name), instrument, ...quoted(unit), ...sorted(quoted(attributes))].join(" "),
    );
    expect(told.sort()).toEqual(rows.sort());
  });

  it("has every value of the attributes that have few, and no other", () => {
    const points = (name: string): Record<string, unknown>[] =>
      (measured.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []).map(
        ({ attributes }) => attributes,
      );
    const values = (name: string, attribute: string): string[] =>
      sorted(points(name).map((attributes) => String(attributes[attribute])));
    const rows = new Map(
      tableUnder("Attributes").map(([name = "", , cell]) => [name.replaceAll("`", ""), sorted(quoted(cell))]),
    );
    expect(values("azmutex.lock.wait.duration", "azmutex.kind")).toEqual(rows.get("azmutex.kind"));
    expect(values("azmutex.lock.wait.duration", "azmutex.outcome")).toEqual(rows.get("azmutex.outcome of a wait"));
    expect(values("azmutex.lock.hold.duration", "azmutex.outcome")).toEqual(rows.get("azmutex.outcome of a hold"));
    expect(values("azmutex.lease.renewal.duration", "azmutex.outcome")).toEqual(
      rows.get("azmutex.outcome of a renewal"),
    );
    expect(values("azmutex.storage.requests", "azmutex.outcome")).toEqual(rows.get("azmutex.outcome of a request"));
    expect(values("azmutex.storage.requests", "azmutex.operation")).toEqual(rows.get("azmutex.operation"));
    expect(values("azmutex.lock.losses", "azmutex.why")).toEqual(rows.get("azmutex.why"));
    expect(values("azmutex.lock.handover.gap", "azmutex.from")).toEqual(rows.get("azmutex.from"));
    const woken = values("azmutex.lock.wait.duration", "azmutex.woken_by").filter((value) => value !== "undefined");
    expect(woken).toEqual(rows.get("azmutex.woken_by"));
  });

  it("has every attribute that there is, and no other", () => {
    const ofSpans = sdk.spans.flatMap(({ attributes, events: notes }) => [
      attributes,
      ...notes.map((note) => note.attributes ?? {}),
    ]);
    const ofMetrics = measured.flatMap(({ dataPoints }) =>
      (dataPoints as readonly { attributes: object }[]).map(({ attributes }) => attributes),
    );
    const rows = tableUnder("Attributes").flatMap(([name]) => quoted(name));
    expect(sorted([...ofSpans, ...ofMetrics].flatMap((attributes) => Object.keys(attributes)))).toEqual(sorted(rows));
  });

  it("names every event, with what it says, and no other", () => {
    const rows = tableUnder("Events").map(([name, , says]) => [...quoted(name), ...sorted(quoted(says))].join(" "));
    expect([...events].map(([name, says]) => [name, ...sorted(says)].join(" ")).sort()).toEqual(rows.sort());
  });

  it("names the metrics in docs/operations.md as they are", () => {
    const operations = readFileSync(join(PROJECT, "docs/operations.md"), "utf8");
    const named = [...operations.matchAll(/`(azmutex(?:\.\w+)+)`/g)].map(([, name = ""]) => name);
    const known = tableUnder("Metrics").flatMap(([name]) => quoted(name));
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});

/** A run in which all happens that there is to tell. */
async function everything(): Promise<void> {
  const world = new World();
  const { clock, memory } = world;
  const { store, mutex } = world.process(FIRST_RENEWAL_LAST);
  const other = world.process().mutex;
  const patient = { timeoutMs: 60_000 };
  const listened = (key: string, options = {}) => {
    const locker = mutex.locker(key, options);
    for (const name of ["acquired", "renewed", "renewFailed", "overdue", "handedOver", "lost", "released"] as const) {
      locker.on(name, (event) => {
        events.set(name, new Set([...(events.get(name) ?? []), ...Object.keys(event)]));
      });
    }
    return locker;
  };

  // Two make the blob at once; they hand the lock to each other; one is refused, one is out of time, one gives up.
  const locker = listened("job");
  const [first, later] = [locker.lock(), other.locker("job").lock(patient)];
  const next = locker.lock();
  await (await world.until(first)).release();
  const held = await world.until(next);
  await other.locker("job").tryLock();
  await world.until(
    other
      .locker("job")
      .lock({ timeoutMs: 100 })
      .catch(() => undefined),
  );
  const controller = new AbortController();
  const aborted = locker.lock({ signal: controller.signal }).catch(() => undefined);
  controller.abort();
  await aborted;
  await clock.advance(10_000);
  await held.release();
  await (await world.until(later)).release();

  // A container that is not there yet, and credentials that are refused.
  const bare = new FaultyLeaseStore(new MemoryLeaseStore({ clock }), { clock });
  const elsewhere = new AzureMutex({ store: bare, clock });
  await world.until(elsewhere.locker("job").run(() => undefined));
  bare.failBefore("acquire", { error: new AccessDeniedError("no", "job") });
  await world.until(
    elsewhere
      .locker("job")
      .run(() => undefined)
      .catch(() => undefined),
  );

  // Losses of every kind, a renewal that comes late, and a release without an answer.
  const broken = await world.until(listened("broken").lock());
  await memory.break("broken", { periodSeconds: 0 });
  const taken = await world.until(listened("taken").lock());
  await memory.break("taken", { periodSeconds: 0 });
  await world.stranger("taken");
  const deleted = await world.until(listened("deleted").lock());
  await memory.remove("deleted", { leaseId: deleted.leaseId });
  await clock.advance(11_000);
  const slept = await world.until(listened("slept").lock());
  store.delay("renew", 1_000);
  await clock.advance(10_500);
  clock.suspend(60_000);
  await clock.advance(2_000);
  store.heal();
  const expired = await world.until(listened("expired").lock());
  store.hang("renew");
  await clock.advance(30_000);
  store.heal();
  for (const lock of [broken, taken, deleted, slept, expired]) expect(lock.isHeld).toBe(false);
  const bounded = await world.until(listened("bounded", { overdueAfterMs: 500, maxHoldMs: 1_000 }).lock());
  await clock.advance(1_000);
  await world.until(bounded.release());
  const ending = world.process().mutex;
  await world.until(ending.locker("ended").lock());
  await world.until(ending.releaseAll());
  const unreleased = await world.until(listened("unreleased").lock());
  store.hang("release");
  await world.until(unreleased.release().catch(() => undefined));
  store.heal();

  // A queue between processes: tickets, listings, and the lease given to another id.
  const fair = await world.until(listened("queue", { fair: true }).lock());
  const second = other.locker("queue", { fair: true }).lock(patient);
  await clock.advance(5_000);
  await world.until(fair.release());
  await (await world.until(second)).release();

  // A waiter that is woken.
  const wakeUps = Object.assign(new MemoryWakeUps({ clock }), { sharedNow: () => clock.now() });
  const told = await world.until(world.process({ wakeUps }).mutex.locker("told").lock());
  const waiter = world.process({ wakeUps }).mutex.locker("told").lock();
  await clock.advance(5_000);
  await world.until(told.release());
  await (await world.until(waiter)).release();

  // A record that another process wrote in between, and breaks.
  const write = store.writeMetadata.bind(store);
  store.writeMetadata = async () => {
    store.writeMetadata = write;
    return { kind: "unmet" };
  };
  await world.until(mutex.locker("job", { purpose: "another" }).run(() => undefined));
  const victim = await world.until(other.locker("victim").lock());
  const breaks = store.break.bind(store);
  store.break = async () => {
    store.break = breaks;
    return { kind: "notLeased" };
  };
  for (let round = 0; round < 2; round += 1) await world.until(mutex.break("victim", { periodSeconds: 0 }));
  await world.until(victim.release().catch(() => undefined));

  // The recipes.
  await (await world.until(new LeaderElection(mutex, "office").campaign())).resign();
  await world.until(new Semaphore(mutex, "pool", { permits: 2 }).run(() => undefined));
  const both = new ReaderWriterLock(mutex, "config");
  await world.until(both.write.run(() => undefined));
  await world.until(both.read.run(() => undefined));
  await (await world.until(takeAll(mutex, ["a", "b"]))).release();

  await playSlots(world, mutex);

  // A key that is not named.
  const { mutex: discreet } = world.process({ telemetry: { key: "hash" } });
  await (await world.until(takeAll(discreet, ["a", "b"]))).release();
  await world.until(discreet.locker("a").run(() => undefined));
  await clock.settle();
}

/** A slot with each thing that can come of it. */
async function playSlots(world: World, mutex: AzureMutex): Promise<void> {
  const nightly = new Once(mutex, "nightly", { afterFailure: "leave" });
  const ask = (slot: number): Promise<unknown> => nightly.run(slot, () => undefined);
  for (const slot of [1, 1]) await world.until(ask(slot));
  const failing = nightly.run(2, () => {
    throw new Error("disk full");
  });
  await world.until(failing.catch(() => undefined));
  await world.until(ask(2));
  const lost = nightly.run(4, ({ signal }) => sleep(world.clock, 120_000, { signal }));
  lost.catch(() => undefined);
  await world.clock.advance(100);
  for (const slot of [3, 4]) await world.until(ask(slot));
  await world.until(mutex.break("nightly", { periodSeconds: 0 }));
  await world.until(lost.catch(() => undefined));
  await world.until(new Once(mutex, "hourly").run(new Date(0), () => undefined));
}
