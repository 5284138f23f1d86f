import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { firstMessage } from "../shared/child-process.ts";
import { median } from "../shared/statistics.ts";
import { accountsAt } from "../shared/storage/accounts.ts";
import type { Benchmark, Claim, Context, Report, Table } from "./benchmark.ts";
import type { ScaleOrder, ScaleOutcome, Some } from "./scale-orders.ts";
import type { Stage } from "./stage.ts";
import { textsOf } from "./texts.ts";

type Kind = ScaleOrder["kind"];

/** One process to be measured. */
interface Setting {
  readonly where: "azurite" | "memory";
  readonly kind: Kind;
  readonly count: number;
  readonly forMs: number;
}

/** What came of one setting, over all its repeats. */
interface Row {
  readonly setting: Setting;
  readonly outcomes: readonly ScaleOutcome[];
  /** A process of the same kind that held nothing, in processor time per minute. */
  readonly idle: Idle;
}

interface Idle {
  readonly cpuMsPerMinute: number;
  readonly heldBytes: number;
}

interface Plan {
  readonly leaseSeconds: number;
  readonly warmUpMs: number;
  /** How often the settings of the two ratios, and a process that holds nothing, are measured, in turns. */
  readonly turns: number;
  readonly idleMs: number;
  readonly azurite: readonly Setting[];
  /** The smaller and the larger number of the ratios, and the bare store with the larger one. */
  readonly compared: readonly Setting[];
  readonly memory: readonly Setting[];
}

const MOST_GROWTH = 1.2;
const MOST_LAG_MS = 500;
/**
 * Azurite goes through all blobs of an account at every request. With 5,000 in one that is most of what it does, and on
 * a slow machine it does not keep up.
 */
const LOCKS_PER_ACCOUNT = 1_000;
const MINUTE_MS = 60_000;
/** A waiter that keeps its pace asks so often on average: every 350 to 850 ms, and a round trip. */
const POLLS_PER_SECOND = 1 / 0.605;

const holding = (where: Setting["where"], forMs: number, ...counts: readonly number[]): Setting[] =>
  counts.map((count) => ({ where, kind: "holds", count, forMs }));

const FULL: Plan = {
  leaseSeconds: 60,
  warmUpMs: 3_000,
  turns: 3,
  idleMs: 60_000,
  azurite: holding("azurite", 180_000, 1, 100, 1_000, 5_000),
  compared: holding("memory", 60_000, 100, 10_000),
  memory: [
    ...holding("memory", 120_000, 100_000),
    { where: "memory", kind: "bare", count: 10_000, forMs: 60_000 },
    { where: "memory", kind: "waits for one", count: 10_000, forMs: 30_000 },
    { where: "memory", kind: "waits for many", count: 10_000, forMs: 30_000 },
  ],
};

const QUICK: Plan = {
  leaseSeconds: 15,
  warmUpMs: 300,
  turns: 1,
  idleMs: 6_000,
  azurite: holding("azurite", 6_000, 50),
  compared: holding("memory", 6_000, 100, 1_000),
  memory: [
    { where: "memory", kind: "bare", count: 1_000, forMs: 6_000 },
    { where: "memory", kind: "waits for one", count: 1_000, forMs: 3_000 },
    { where: "memory", kind: "waits for many", count: 300, forMs: 3_000 },
  ],
};

export const SCALE: Benchmark = {
  ...textsOf("scale"),
  run,
};

async function run({ stage, isQuick, note }: Context): Promise<Report> {
  const plan = isQuick ? QUICK : FULL;
  const measure = async (setting: Setting): Promise<ScaleOutcome> => {
    const { where, kind, count, forMs } = setting;
    const { leaseSeconds, warmUpMs } = plan;
    const store =
      where === "azurite" ? { accounts: await accountsFor(count, stage) } : { roundTripMs: stage.roundTripMs };
    const outcome = await inFreshProcess({ store, kind, count, leaseSeconds, warmUpMs, forMs });
    note(`${where}, ${kind} ${count}: ${JSON.stringify(outcome)}`);
    return outcome;
  };
  const rows = isQuick ? await quickly(plan, measure) : await oneByOne(plan, measure);
  return reportOf(rows, plan);
}

/**
 * An emulator of its own for each setting, since it becomes slower with every blob, and there as many accounts as that
 * takes.
 */
async function accountsFor(locks: number, stage: Stage): Promise<Some<string>> {
  const { proxy } = await stage.ownServer("blobs");
  const [usual, ...others] = accountsAt(proxy.port);
  return [usual, ...others.slice(0, Math.ceil(Math.max(1, locks) / LOCKS_PER_ACCOUNT) - 1)];
}

type Measure = (setting: Setting) => Promise<ScaleOutcome>;

const idleIn = (where: Setting["where"], forMs: number): Setting => ({ where, kind: "holds", count: 0, forMs });

/** It is processor time that is measured: nothing of ours beside it. */
async function oneByOne({ idleMs, turns, azurite, compared, memory }: Plan, measure: Measure): Promise<Row[]> {
  const rows: Row[] = [];
  const idleThere = idleOf([await measure(idleIn("azurite", idleMs))]);
  for (const setting of azurite) rows.push({ setting, outcomes: [await measure(setting)], idle: idleThere });
  const idles: ScaleOutcome[] = [];
  const outcomes: ScaleOutcome[][] = compared.map(() => []);
  for (let turn = 0; turn < turns; turn += 1) {
    idles.push(await measure(idleIn("memory", idleMs)));
    for (const [at, setting] of compared.entries()) outcomes[at]?.push(await measure(setting));
  }
  const idle = idleOf(idles);
  for (const [at, setting] of compared.entries()) rows.push({ setting, outcomes: outcomes[at] ?? [], idle });
  for (const setting of memory) rows.push({ setting, outcomes: [await measure(setting)], idle });
  return rows;
}

/** All at once: that they work is all that is to be seen. */
async function quickly({ idleMs, azurite, compared, memory }: Plan, measure: Measure): Promise<Row[]> {
  const idle = measure(idleIn("memory", idleMs));
  const settings = [...azurite, ...compared, ...memory];
  return await Promise.all(
    settings.map(async (setting) => ({ setting, outcomes: [await measure(setting)], idle: idleOf([await idle]) })),
  );
}

function idleOf(outcomes: readonly ScaleOutcome[]): Idle {
  return {
    cpuMsPerMinute: median(outcomes.map(({ cpuMs, elapsedMs }) => (cpuMs / elapsedMs) * MINUTE_MS)),
    heldBytes: median(outcomes.map(({ heldBytes }) => heldBytes)),
  };
}

async function inFreshProcess(order: ScaleOrder): Promise<ScaleOutcome> {
  const program = fileURLToPath(new URL("scale-main.js", import.meta.url));
  const child = fork(program, { env: { ...process.env, SCALE_ORDER: JSON.stringify(order) } });
  const ended = once(child, "exit");
  const outcome = await firstMessage<ScaleOutcome>(child, "a process of the scale benchmark");
  await ended;
  return outcome;
}

/** Milliseconds of processor time for each lock, or each waiter, and minute. */
function cpuEach({ setting: { count }, outcomes, idle }: Row): number {
  return median(
    outcomes.map(({ cpuMs, elapsedMs }) => ((cpuMs / elapsedMs) * MINUTE_MS - idle.cpuMsPerMinute) / count),
  );
}

function bytesEach({ setting: { count }, outcomes, idle }: Row): number {
  return median(outcomes.map(({ heldBytes }) => (heldBytes - idle.heldBytes) / count));
}

/** Of one core. */
function coreShare({ outcomes }: Row): number {
  return median(outcomes.map(({ cpuMs, elapsedMs }) => cpuMs / elapsedMs));
}

function worst(rows: readonly Row[], figure: (outcome: ScaleOutcome) => number): number {
  return Math.max(...rows.flatMap(({ outcomes }) => outcomes.map(figure)));
}

function reportOf(rows: readonly Row[], plan: Plan): Report {
  const held = rows.filter(({ setting }) => setting.kind === "holds" || setting.kind === "bare");
  const ours = held.filter(({ setting }) => setting.kind === "holds");
  const waiting = rows.filter(({ setting }) => !held.some((row) => row.setting === setting));
  return {
    tables: [heldTable(held), spreadTable(ours), waitingTable(waiting)],
    claims: claimsOf(ours, plan),
    chart: {
      title: "What a held lock costs",
      unit: "milliseconds of processor time for each held lock and minute, less an idle process",
      // Of a single lock it is what waking up a process costs, and most of it noise.
      bars: held
        .filter(({ setting }) => setting.count > 1)
        .map((row) => ({ label: nameOf(row), value: Math.max(0, cpuEach(row)), isOurs: row.setting.kind === "holds" })),
    },
    notes: notesOf(rows),
  };
}

function nameOf({ setting: { where, kind, count } }: Row): string {
  const store = where === "azurite" ? "Azurite" : "memory";
  return kind === "bare"
    ? `${count.toLocaleString("en")}, ${store}, bare store`
    : `${count.toLocaleString("en")}, ${store}`;
}

function heldTable(rows: readonly Row[]): Table {
  return {
    caption: "Locks held by one process",
    columns: [
      "locks, store",
      "ms of processor / lock / min",
      "µs / renewal",
      "of one core",
      "bytes / lock",
      "process, MB",
      "lost",
    ],
    rows: rows.map((row) => [
      nameOf(row),
      cpuEach(row).toFixed(2),
      microsecondsEach(row),
      `${(coreShare(row) * 100).toFixed(1)} %`,
      row.setting.count > 1 ? Math.round(bytesEach(row)).toLocaleString("en") : "",
      (worst([row], ({ residentBytes }) => residentBytes) / 2 ** 20).toFixed(0),
      worst([row], ({ lost }) => lost),
    ]),
  };
}

/** A lease is renewed three times a minute at these settings, or as often as it was. */
function microsecondsEach(row: Row): string {
  const perMinute = median(row.outcomes.map(({ meanAtOnce }) => meanAtOnce * (MINUTE_MS / 100)));
  return row.setting.count > 1 && perMinute > 0
    ? ((cpuEach(row) * row.setting.count * 1_000) / perMinute).toFixed(0)
    : "";
}

function spreadTable(rows: readonly Row[]): Table {
  return {
    caption: "How late renewals were sent, and how evenly",
    columns: [
      "locks, store",
      "late p50, ms",
      "p99, ms",
      "most, ms",
      "renewals / 100 ms, mean",
      "most in any 100 ms",
      "all taken in, s",
    ],
    rows: rows.map((row) => [
      nameOf(row),
      worst([row], ({ lagMs }) => lagMs.p50).toFixed(1),
      worst([row], ({ lagMs }) => lagMs.p99).toFixed(1),
      worst([row], ({ lagMs }) => lagMs.most).toFixed(0),
      median(row.outcomes.map(({ meanAtOnce }) => meanAtOnce)).toFixed(1),
      worst([row], ({ mostAtOnce }) => mostAtOnce),
      (worst([row], ({ takingMs }) => takingMs) / 1_000).toFixed(1),
    ]),
  };
}

function waitingTable(rows: readonly Row[]): Table {
  return {
    caption: "Tasks of one process that wait, in memory",
    columns: ["tasks", "ms of processor / task / min", "of one core", "bytes / task", "requests / s"],
    rows: rows.map((row) => [
      `${row.setting.count.toLocaleString("en")} on ` +
        `${row.setting.kind === "waits for one" ? "one key" : "as many keys"}`,
      cpuEach(row).toFixed(3),
      `${(coreShare(row) * 100).toFixed(1)} %`,
      Math.round(bytesEach(row)).toLocaleString("en"),
      worst([row], ({ requestsPerSecond }) => requestsPerSecond).toFixed(1),
    ]),
  };
}

function claimsOf(ours: readonly Row[], { compared }: Plan): Claim[] {
  const [few, many] = compared.map(({ where, count }) =>
    ours.find(({ setting }) => setting.where === where && setting.count === count),
  );
  const lost = worst(ours, (outcome) => outcome.lost);
  return [
    ...(few && many
      ? [
          growth(
            `processor time of a held lock at ${nameOf(many)}, to that at ${nameOf(few)}`,
            cpuEach(many),
            cpuEach(few),
          ),
          growth(
            `memory of a held lock at ${nameOf(many)}, to that at ${nameOf(few)}`,
            bytesEach(many),
            bytesEach(few),
          ),
        ]
      : []),
    { what: "locks lost", limit: "0", measured: String(lost), holds: lost === 0 },
    ...ours.filter(({ setting }) => setting.count >= 1_000).map((row) => punctual(row)),
  ];
}

function growth(what: string, many: number, few: number): Claim {
  const ratio = many / few;
  return { what, limit: `${MOST_GROWTH} times`, measured: `${ratio.toFixed(2)} times`, holds: ratio <= MOST_GROWTH };
}

function punctual(row: Row): Claim {
  const late = worst([row], ({ lagMs }) => lagMs.p99);
  return {
    what: `p99 of how late a renewal is sent, ${nameOf(row)}`,
    limit: `below ${MOST_LAG_MS} ms`,
    measured: `${late.toFixed(1)} ms`,
    holds: late < MOST_LAG_MS,
  };
}

function notesOf(rows: readonly Row[]): string[] {
  const slow = rows.filter(({ setting: { kind, count }, outcomes }) => {
    const least = 0.8 * count * POLLS_PER_SECOND;
    return kind === "waits for many" && outcomes.some(({ requestsPerSecond }) => requestsPerSecond < least);
  });
  const logged = worst(rows, (outcome) => outcome.logged);
  return [
    "With few locks the process sleeps between two renewals and each wakes it up, which costs more than " +
      "the renewal itself; with many, several are served at each waking. Waiting on one key is waiting in " +
      "memory: one task asks for all.",
    ...slow.map(
      ({ setting: { count } }) =>
        `${count.toLocaleString("en")} tasks on as many keys would ask ` +
        `${Math.round(count * POLLS_PER_SECOND).toLocaleString("en")} times a second: more than one core ` +
        "can do here, so they ask more rarely.",
    ),
    ...(logged > 0 ? [`Up to ${logged} requests of a process failed and were sent again.`] : []),
  ];
}
