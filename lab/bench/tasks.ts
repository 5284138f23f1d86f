import { quantile, type Repeated, repeated, shown } from "../shared/statistics.ts";
import { type Benchmark, type Chart, type Claim, type Context, notRunRow, type Report } from "./benchmark.ts";
import { Client } from "./client.ts";
import {
  type Contender,
  ETCD3,
  ETCD3_ELECTION,
  missing,
  OURS,
  OURS_FAIR,
  REDIS_SEMAPHORE,
  REDLOCK_UNIVERSAL,
  SDK_LOOP,
  SESAMECARE,
} from "./contenders.ts";
import type { CyclesDone, CyclesGiven } from "./jobs/cycles.ts";
import { countsRequests } from "./stage.ts";
import { textsOf } from "./texts.ts";

const TASKS_IN_ALL = 100;
const KEY = "many-tasks";

interface Sample {
  readonly cyclesPerSecond: number;
  /** Undefined where they are not counted. */
  readonly requests: number | undefined;
  /** Of all cycles, those whose task was overtaken by one that had asked later: from 0 to 1. */
  readonly overtakings: number;
  readonly cpuMs: number;
  readonly p95Ms: number;
}

/** What is kept of a library that was run, or why it was not. */
type Outcome = readonly Sample[] | string;
type Outcomes = ReadonlyMap<Contender, Outcome>;

interface Extent {
  readonly repeats: number;
  /**
   * Two whole times that azmutex keeps a lease (3 s) and then stays away (at most 0.94 s): no more of the one than of
   * the other.
   */
  readonly oursMs: number;
  readonly theirsMs: number;
}

const FULL: Extent = { repeats: 3, oursMs: 7_880, theirsMs: 5_000 };
const QUICK: Extent = { repeats: 1, oursMs: 1_000, theirsMs: 1_500 };

const REDIS_PEERS: readonly Contender[] = [REDIS_SEMAPHORE, REDLOCK_UNIVERSAL, SESAMECARE];
const ETCD_PEERS: readonly Contender[] = [ETCD3, ETCD3_ELECTION];
const ALL: readonly Contender[] = [OURS, OURS_FAIR, SDK_LOOP, ...REDIS_PEERS, ...ETCD_PEERS];

const COLUMNS = [
  "lock",
  "cycles/s",
  "beside the SDK",
  "requests per cycle",
  "overtaken",
  "CPU per cycle (ms)",
  "p95 of a cycle (ms)",
] as const;

export const TASKS: Benchmark = {
  ...textsOf("tasks", { TASKS: TASKS_IN_ALL, REPEATS: FULL.repeats, SECONDS: FULL.theirsMs / 1_000 }),
  run: measure,
};

async function measure(context: Context): Promise<Report> {
  const { stage, isQuick, note } = context;
  const extent = isQuick ? QUICK : FULL;
  const outcomes = new Map<Contender, Sample[] | string>(
    ALL.map((contender) => [contender, missing(contender, stage) ?? []]),
  );
  for (let repeat = 1; repeat <= extent.repeats; repeat += 1) {
    for (const [contender, samples] of outcomes) {
      if (typeof samples === "string") continue;
      note(`repeat ${repeat} of ${extent.repeats}: ${contender.name}`);
      samples.push(await sampleOf(contender, context, contender.isOurs ? extent.oursMs : extent.theirsMs));
    }
  }
  return reportOf(outcomes);
}

async function sampleOf(contender: Contender, { stage }: Context, ms: number): Promise<Sample> {
  const { address, proxy } = await stage.ownWay(contender.room);
  await using _way = proxy;
  await using client = await Client.start(contender, address);
  const order = { key: `${KEY}-${contender.module}-${contender.variant ?? "plain"}`, tasks: TASKS_IN_ALL };
  await client.do<CyclesDone>("cycles", { ...order, tasks: 1, until: { cyclesOfEach: 10 } } satisfies CyclesGiven);
  const before = await proxy.requests();
  let counting: Promise<number> = Promise.resolve(before);
  const count = (): void => {
    counting = proxy.requests();
  };
  const given: CyclesGiven = { ...order, until: { ms } };
  const { latenciesMs, elapsedMs, cpuMs, overtakings } = await client.do<CyclesDone>("cycles", given, count);
  const requests = (await counting) - before;
  const cycles = latenciesMs.length;
  return {
    cyclesPerSecond: (cycles / elapsedMs) * 1_000,
    requests: countsRequests(contender.room) ? requests / cycles : undefined,
    overtakings: overtakings / cycles,
    cpuMs: cpuMs / cycles,
    p95Ms: quantile(latenciesMs, 0.95),
  };
}

function reportOf(outcomes: Outcomes): Report {
  return {
    tables: [
      { columns: COLUMNS, rows: [...outcomes].map(([contender, outcome]) => cellsOf(contender, outcome, outcomes)) },
    ],
    claims: [
      ...claimOf(outcomes, SDK_LOOP, { limit: "at least 100 ×", holds: (times) => times >= 100 }),
      ...[...REDIS_PEERS, ...ETCD_PEERS].flatMap((peer) =>
        claimOf(outcomes, peer, { limit: "more than 1 ×", holds: (times) => times > 1 }),
      ),
    ],
    chart: chartOf(outcomes),
    notes: [
      "azmutex hands the lock to the next task of its process under the same lease, without a request, " +
        "until it has had the lease for 3 s; with `fair` it asks each time whether another process came " +
        "first. The others go to their server for each cycle, and most of their time passes until the next " +
        "request.",
    ],
  };
}

function cellsOf(contender: Contender, outcome: Outcome, outcomes: Outcomes): readonly string[] {
  if (typeof outcome === "string") return notRunRow(contender.name, outcome, COLUMNS);
  const requests = outcome.flatMap((sample) => (sample.requests === undefined ? [] : [sample.requests]));
  const overtakings = repeated(outcome.map((sample) => sample.overtakings * 100));
  return [
    contender.name,
    shown(rates(outcome), 1),
    shown(timesAhead(outcome, samplesOf(outcomes, SDK_LOOP)), 1),
    requests.length === 0 ? "not counted" : shown(repeated(requests), contender.isOurs ? 4 : 1),
    overtakings.most === 0 ? "none" : `${shown(overtakings, 0)} %`,
    shown(repeated(outcome.map(({ cpuMs }) => cpuMs))),
    shown(repeated(outcome.map(({ p95Ms }) => p95Ms)), 0),
  ];
}

function rates(samples: readonly Sample[]): Repeated {
  return repeated(samples.map(({ cyclesPerSecond }) => cyclesPerSecond));
}

/** How many times as many cycles, in each repeat. */
function timesAhead(samples: readonly Sample[], beside: readonly Sample[]): Repeated {
  return repeated(
    samples.map(({ cyclesPerSecond }, at) => cyclesPerSecond / (beside[at]?.cyclesPerSecond ?? Number.NaN)),
  );
}

function claimOf(
  outcomes: Outcomes,
  peer: Contender,
  { limit, holds }: { limit: string; holds: (times: number) => boolean },
): readonly Claim[] {
  const theirs = samplesOf(outcomes, peer);
  if (theirs.length === 0) return [];
  const times = timesAhead(samplesOf(outcomes, OURS), theirs);
  const what = `azmutex beside ${peer.name}: cycles a second of ${TASKS_IN_ALL} tasks of one process`;
  return [{ what, limit, measured: `${shown(times, 0)} ×`, holds: holds(times.median) }];
}

/** None of a library that was not run. */
function samplesOf(outcomes: Outcomes, contender: Contender): readonly Sample[] {
  const outcome = outcomes.get(contender) ?? [];
  return typeof outcome === "string" ? [] : outcome;
}

function chartOf(outcomes: Outcomes): Chart {
  const bars = ALL.filter((contender) => samplesOf(outcomes, contender).length > 0).map((contender) => {
    const { median: value, least, most } = rates(samplesOf(outcomes, contender));
    return { label: contender.name, value, spread: [least, most] as const, isOurs: contender.isOurs };
  });
  return { title: `${TASKS_IN_ALL} tasks of one process on one lock`, unit: "cycles/s", isLogarithmic: true, bars };
}
