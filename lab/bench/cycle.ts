import { NotRunError } from "../shared/go-peer/not-run.ts";
import { median, quantile, repeated, shown } from "../shared/statistics.ts";
import { type Benchmark, type Chart, type Claim, type Context, notRunRow, type Report } from "./benchmark.ts";
import {
  type Contender,
  ETCD3,
  missing,
  OURS,
  OURS_FAIR,
  OURS_UNFENCED,
  REDIS_SEMAPHORE,
  REDLOCK_UNIVERSAL,
  SDK_LOOP,
  SESAMECARE,
} from "./contenders.ts";
import { countsRequests, type Room, type Stage } from "./stage.ts";
import { textsOf } from "./texts.ts";
import { Alternating, GoTurns, type TurnTaker } from "./turns.ts";

/** Who is measured: one row of the table. */
interface Entry {
  readonly name: string;
  readonly room: Room;
  readonly isOurs: boolean;
  start(stage: Stage): Promise<TurnTaker>;
  missing(stage: Stage): string | undefined;
}

/** What one of them needed in one repeat. */
interface Sample {
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Of each cycle. */
  readonly requests: number;
  readonly cpuMs: number | undefined;
}

interface Row {
  readonly entry: Entry;
  /** Why there are no samples, if so. */
  readonly reason?: string;
  readonly samples: readonly Sample[];
}

interface Extent {
  readonly repeats: number;
  /** In each of which everybody has a turn: whatever slows the machine down for a while slows down all alike. */
  readonly rounds: number;
  readonly cycles: number;
}

const FULL: Extent = { repeats: 7, rounds: 5, cycles: 15 };
const QUICK: Extent = { repeats: 2, rounds: 2, cycles: 6 };
/** A server closes a connection that is not used for 5 s, and caches are full of what others did meanwhile. */
const WARM_UP = { first: 40, ofTurn: 4 };

const BARE = alone(SDK_LOOP);
const DEFAULT = alone(OURS);
const UNFENCED = alone(OURS_UNFENCED);
const GO: Entry = {
  name: "go-azuremutex",
  room: "blobs",
  isOurs: false,
  start: (stage) => GoTurns.start(stage),
  missing: () => undefined,
};
const TWO = [OURS, OURS_UNFENCED, SDK_LOOP].map(alternating);
const ENTRIES: readonly Entry[] = [
  ...[BARE, DEFAULT, UNFENCED, alone(OURS_FAIR), ...TWO, GO],
  ...[REDIS_SEMAPHORE, REDLOCK_UNIVERSAL, SESAMECARE, ETCD3].map(alone),
];

const COLUMNS = ["lock", "requests", "median (ms)", "p95 (ms)", "beside the bare SDK", "CPU (ms)"] as const;

export const CYCLE: Benchmark = {
  ...textsOf("cycle", { REPEATS: FULL.repeats, ROUNDS: FULL.rounds, CYCLES: FULL.cycles, OF_TURN: WARM_UP.ofTurn }),
  run: measure,
};

function alone(contender: Contender): Entry {
  return entryOf(contender, {
    name: contender === SDK_LOOP ? "bare SDK: acquire, release" : contender.name,
    processes: 1,
  });
}

function alternating(contender: Contender): Entry {
  return entryOf(contender, { name: `${contender.name}, two processes`, processes: 2 });
}

function entryOf(contender: Contender, { name, processes }: { name: string; processes: number }): Entry {
  return {
    ...{ name, room: contender.room, isOurs: contender.isOurs },
    // They never ask at the same time.
    start: async (stage) =>
      await Alternating.start(contender, await stage.place(contender.room), { processes, key: keyOf(name) }),
    missing: (stage) => missing(contender, stage),
  };
}

/** As every store takes it. */
function keyOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

/** What has to be ended at the end. */
class Opened implements AsyncDisposable {
  readonly #all: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(one: T): T {
    this.#all.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#all) await one[Symbol.asyncDispose]();
  }
}

async function measure({ stage, isQuick, note }: Context): Promise<Report> {
  await using opened = new Opened();
  const takers = new Map<Entry, TurnTaker | string>();
  for (const entry of ENTRIES) {
    const taker = entry.missing(stage) ?? (await startedOrReason(entry, stage));
    takers.set(entry, typeof taker === "string" ? taker : opened.add(taker));
  }
  const extent = isQuick ? QUICK : FULL;
  const running = [...takers].flatMap(([entry, taker]) => (typeof taker === "string" ? [] : [{ entry, taker }]));
  for (const { entry, taker } of running) {
    note(`warm-up: ${entry.name}`);
    await taker.take(WARM_UP.first);
  }
  const samples = new Map<Entry, Sample[]>(running.map(({ entry }) => [entry, []]));
  for (let repeat = 1; repeat <= extent.repeats; repeat += 1) {
    note(`repeat ${repeat} of ${extent.repeats}`);
    for (const [entry, sample] of await oneRepeat(running, extent)) samples.get(entry)?.push(sample);
  }
  const rows = [...takers].map(([entry, taker]): Row => {
    return { entry, samples: samples.get(entry) ?? [], ...(typeof taker === "string" ? { reason: taker } : {}) };
  });
  return reportOf(rows);
}

async function startedOrReason(entry: Entry, stage: Stage): Promise<TurnTaker | string> {
  try {
    return await entry.start(stage);
  } catch (error) {
    if (error instanceof NotRunError) return error.message;
    throw error;
  }
}

async function oneRepeat(
  running: readonly { entry: Entry; taker: TurnTaker }[],
  { rounds, cycles }: Extent,
): Promise<ReadonlyMap<Entry, Sample>> {
  const sums = new Map(
    running.map(({ entry }) => [entry, { latenciesMs: [] as number[], requests: 0, cpuMs: 0 as number | undefined }]),
  );
  for (let round = 0; round < rounds; round += 1) {
    // To and fro: none is always behind the same neighbour.
    for (const { entry, taker } of round % 2 === 0 ? running : running.toReversed()) {
      const sum = sums.get(entry);
      if (!sum) continue;
      await taker.take(WARM_UP.ofTurn);
      const before = await taker.place.proxy.requests();
      const { latenciesMs, cpuMs } = await taker.take(cycles);
      sum.requests += (await taker.place.proxy.requests()) - before;
      sum.latenciesMs.push(...latenciesMs);
      sum.cpuMs = sum.cpuMs === undefined || cpuMs === undefined ? undefined : sum.cpuMs + cpuMs;
    }
  }
  return new Map([...sums].map(([entry, sum]) => [entry, sampleOf(sum)]));
}

function sampleOf(sum: {
  readonly latenciesMs: readonly number[];
  readonly requests: number;
  readonly cpuMs: number | undefined;
}): Sample {
  const cycles = sum.latenciesMs.length;
  return {
    medianMs: median(sum.latenciesMs),
    p95Ms: quantile(sum.latenciesMs, 0.95),
    requests: sum.requests / cycles,
    cpuMs: sum.cpuMs === undefined ? undefined : sum.cpuMs / cycles,
  };
}

function reportOf(rows: readonly Row[]): Report {
  return {
    tables: [{ columns: COLUMNS, rows: rows.map((row) => cellsOf(row, rowOf(rows, BARE))) }],
    claims: [...timeClaims(rows), ...requestClaims(rows)],
    chart: chartOf(rows),
    notes: [
      "Requests are what the proxy sees: requests of HTTP, commands of Redis; those of etcd are not " +
        "counted. `fair: true` asks once more, for the first ticket of the queue, before it gives the lock " +
        "back.",
      "The time of go-azuremutex is measured from outside its process, with two lines through a pipe each " +
        "way in it; its CPU is not measured.",
    ],
  };
}

function cellsOf({ entry, samples, reason }: Row, bare: Row): readonly string[] {
  if (reason !== undefined) return notRunRow(entry.name, reason, COLUMNS);
  const cpu = samples.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs]));
  return [
    entry.name,
    countsRequests(entry.room) ? requestsOf(samples) : "not counted",
    shown(repeated(samples.map(({ medianMs }) => medianMs))),
    shown(repeated(samples.map(({ p95Ms }) => p95Ms))),
    shown(repeated(ratios(samples, bare.samples))),
    cpu.length === 0 ? "not measured" : shown(repeated(cpu)),
  ];
}

/** One number where it is the same in every repeat, as it ought to be. */
function requestsOf(samples: readonly Sample[]): string {
  const { median: middle, least, most } = repeated(samples.map(({ requests }) => requests));
  return least === most ? String(middle) : shown({ median: middle, least, most });
}

function ratios(samples: readonly Sample[], beside: readonly Sample[]): readonly number[] {
  return samples.map(({ medianMs }, at) => medianMs / (beside[at]?.medianMs ?? Number.NaN));
}

function timeClaims(rows: readonly Row[]): readonly Claim[] {
  const limits = [
    [UNFENCED, 1.05],
    [DEFAULT, 1.1],
  ] as const;
  return limits.map(([entry, limit]) => {
    const ratio = repeated(ratios(rowOf(rows, entry).samples, rowOf(rows, BARE).samples));
    return {
      what: `${entry.name}, one process: time of a cycle, beside the bare SDK's`,
      limit: `at most ${limit} ×`,
      measured: `${shown(ratio, 3)} ×`,
      holds: ratio.median <= limit,
    };
  });
}

function requestClaims(rows: readonly Row[]): readonly Claim[] {
  const most = mostRequests(rows, [DEFAULT, UNFENCED]);
  const go = leastRequests(rows, [GO]);
  const least = Math.min(leastRequests(rows, [BARE]), go);
  const ofGo: Claim = {
    what: "azmutex, one process: requests of a cycle, beside go-azuremutex's",
    limit: "at most half",
    measured: `${most} beside ${go}`,
    holds: most <= go / 2,
  };
  return [
    {
      what:
        "azmutex, one process, with and without tokens: requests of a cycle, in every repeat, beside the " +
        "fewest of any other on blobs",
      limit: "never more",
      measured: `${most} beside ${least}`,
      holds: most <= least,
    },
    ...(Number.isFinite(go) ? [ofGo] : []),
  ];
}

function mostRequests(rows: readonly Row[], entries: readonly Entry[]): number {
  return Math.max(...entries.flatMap((entry) => rowOf(rows, entry).samples.map(({ requests }) => requests)));
}

/** Infinity for those that were not run. */
function leastRequests(rows: readonly Row[], entries: readonly Entry[]): number {
  return Math.min(...entries.flatMap((entry) => rowOf(rows, entry).samples.map(({ requests }) => requests)));
}

function chartOf(rows: readonly Row[]): Chart {
  const bars = rows
    .filter(({ samples }) => samples.length > 0)
    .map(({ entry, samples }) => {
      const { median: value, least, most } = repeated(samples.map(({ medianMs }) => medianMs));
      return { label: entry.name, value, spread: [least, most] as const, isOurs: entry.isOurs };
    });
  return { title: "Taking a free lock and giving it back", unit: "ms", bars };
}

function rowOf(rows: readonly Row[], entry: Entry): Row {
  const found = rows.find((row) => row.entry === entry);
  if (!found) throw new Error(`there is no row for ${entry.name}`);
  return found;
}
