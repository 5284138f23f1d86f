import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nameDuration, showDuration } from "../shared/duration.ts";
import { PROJECT } from "../shared/project.ts";
import type { Figures } from "../shared/waits/figures.ts";
import type { Bar, Benchmark, Claim, Context, Report, Table } from "./benchmark.ts";
import {
  DISTRIBUTED_LOCK,
  ETCD3,
  missing,
  OURS,
  OURS_FAIR,
  REDIS_SEMAPHORE,
  REDLOCK_UNIVERSAL,
  SDK_LOOP,
  SESAMECARE,
} from "./contenders.ts";
import {
  COLUMNS,
  type Crowd,
  figuresFor,
  GAP_COLUMNS,
  gapCells,
  gapClaim,
  MOST_PROCESSES,
  nameOf,
  notRunRows,
  OTHER_COLUMNS,
  type Outcome,
  otherCells,
  outcomeOf,
  QUICK_CROWD,
  rowOf,
  THINK_MS,
} from "./crowd.ts";

const BLOB_PEERS = [SDK_LOOP, DISTRIBUTED_LOCK];
const CONTENDERS = [OURS, OURS_FAIR, ...BLOB_PEERS, REDIS_SEMAPHORE, REDLOCK_UNIVERSAL, SESAMECARE, ETCD3];
const SHORT_HOLDS: readonly Crowd[] = [
  { contenders: 2, holdMs: 200, seconds: 20, otherSeconds: 20 },
  { contenders: 10, holdMs: 200, seconds: 120, otherSeconds: 30 },
  { contenders: 50, holdMs: 200, seconds: 120, otherSeconds: 30 },
];
const LONG_HOLDS: Crowd = { contenders: 50, holdMs: 1_000, seconds: 120, otherSeconds: 30 };

const SIMULATED_POLICIES = ["plain", "fair", "uniform:250-1000", "fixed:10s"];
const SIMULATED = [
  { processes: 100, minutes: 10 },
  { processes: 1_000, minutes: 5 },
];
const SIMULATED_HOLD_MS = 200;
const ROUND_TRIP_MS = 10;
const SIMULATED_QUICK = [{ processes: 10, minutes: 1 }];

/** The limits of the claims, in milliseconds. */
const GAP_P50_MS = 75;
const GAP_P95_MS = 120;
const PART_OF_LONGEST_WAIT = 1 / 3;

interface Simulated {
  readonly situation: { readonly policy: string };
  readonly mean: Figures;
}

export const PROCESSES: Benchmark = {
  name: "processes",
  title: "Contention between processes",
  what: `So many contenders want one lock, in real time: each asks, holds it for a fixed time, gives it back,
thinks for ${THINK_MS} ms on average (exponential, the same thoughts under every library) and asks again. A
contender is a client of the
library with connections of its own that shares nothing with the others; up to ${MOST_PROCESSES} of them are
real processes, and 50 are ${MOST_PROCESSES} processes with five each, since 50 would contend for two cores
rather than for the lock. All have used the lock service once before it begins.

The **hand-over gap** runs from a release being answered (the library says that the lock is given back) to the
next holder's work starting, while another process waits; "from the call" is the same from the moment at which
the work was done and the release was
called, so the release's own requests are in it. **Requests** are what the proxy saw, polls and renewals
included, for each acquisition. The **longest wait** counts waits that were not over at the end as they were
then, so it is at most as long as the run:
two minutes for what is kept in blobs, 30 s for the others, and 20 s where two contend. **Overtaken**: how
many acquisitions by contenders that had asked more than a second later went before a waiter's own, on average
and at most.
It is all worked out by the simulator's own code, which also gives the second table: 100 and 1,000 processes
are more than this machine can be.`,
  async run(context) {
    const outcomes: Outcome[] = [];
    for (const crowd of crowdsOf(context)) {
      for (const contender of CONTENDERS) {
        if (crowd === LONG_HOLDS && contender.room === "redis") continue;
        if (missing(contender, context.stage) === undefined) outcomes.push(await outcomeOf(context, crowd, contender));
      }
    }
    return reportOf(outcomes, context, await simulatedTables(context));
  },
};

function crowdsOf({ isQuick }: Context): readonly Crowd[] {
  return isQuick ? [QUICK_CROWD] : [...SHORT_HOLDS, LONG_HOLDS];
}

const SIMULATED_COLUMNS = ["policy", ...GAP_COLUMNS, ...OTHER_COLUMNS];

function simulatedRow(policy: string, figures: Figures): readonly string[] {
  return [`\`${policy}\``, ...gapCells(figures), ...otherCells(figures, true)];
}

function reportOf(outcomes: readonly Outcome[], { stage }: Context, simulated: readonly Table[]): Report {
  const crowds = [...new Set(outcomes.map(({ crowd }) => crowd))];
  const notRun = notRunRows(CONTENDERS, stage);
  const tables = crowds.map(
    (crowd): Table => ({
      caption: `${nameOf(crowd)}, real time`,
      columns: COLUMNS,
      rows: [...outcomes.filter((outcome) => outcome.crowd === crowd).map(rowOf), ...notRun],
    }),
  );
  return {
    tables: [...tables, ...simulated],
    claims: claimsOf(outcomes),
    chart: {
      title: `Longest wait: ${nameOf(chartedCrowd(crowds))}`,
      unit: "seconds",
      bars: outcomes.filter(({ crowd }) => crowd === chartedCrowd(crowds)).map(barOf),
    },
    notes: [GO_NOTE, ...crowds.flatMap((crowd) => watchNote(crowd, outcomes))],
  };
}

function chartedCrowd(crowds: readonly Crowd[]): Crowd {
  return crowds.find(({ contenders }) => contenders === 50) ?? QUICK_CROWD;
}

function barOf({ contender: { name, isOurs }, figures }: Outcome): Bar {
  return { label: name, value: figures.longestWait / 1_000, isOurs };
}

function claimsOf(outcomes: readonly Outcome[]): Claim[] {
  const short = SHORT_HOLDS.filter(({ contenders }) => contenders > 2).flatMap((crowd) =>
    shortHoldClaims(crowd, outcomes),
  );
  return [...short, ...longHoldClaims(outcomes)];
}

function shortHoldClaims(crowd: Crowd, outcomes: readonly Outcome[]): Claim[] {
  const fair = figuresFor(OURS_FAIR, crowd, outcomes);
  if (!fair) return [];
  const where = `\`fair\`, ${nameOf(crowd)}`;
  const gaps = [
    { part: "p50", limit: GAP_P50_MS, value: fair.gapP50 },
    { part: "p95", limit: GAP_P95_MS, value: fair.gapP95 },
  ].map(({ part, limit, value }) => gapClaim(where, part, value, limit));
  const waits = BLOB_PEERS.map((peer): Claim => {
    const theirs = figuresFor(peer, crowd, outcomes);
    const part = theirs ? fair.longestWait / theirs.longestWait : Number.NaN;
    return {
      what: `${where}: longest wait beside ${peer.name}`,
      limit: "a third",
      measured: theirs
        ? `${part.toFixed(2)} (${showDuration(fair.longestWait)} of ${showDuration(theirs.longestWait)})`
        : "not run",
      holds: part <= PART_OF_LONGEST_WAIT,
    };
  });
  return [...gaps, ...waits];
}

function longHoldClaims(outcomes: readonly Outcome[]): Claim[] {
  const fair = figuresFor(OURS_FAIR, LONG_HOLDS, outcomes);
  if (!fair) return [];
  const uniform = figuresFor(DISTRIBUTED_LOCK, LONG_HOLDS, outcomes);
  const theirs = uniform?.requestsPerAcquisition ?? Number.NaN;
  return [
    {
      what:
        `\`fair\`, ${nameOf(LONG_HOLDS)}: requests per acquisition beside uniform polling ` +
        `(${DISTRIBUTED_LOCK.name})`,
      limit: "fewer",
      measured: uniform ? `${fair.requestsPerAcquisition.toFixed(1)} and ${theirs.toFixed(1)}` : "not run",
      holds: fair.requestsPerAcquisition < theirs,
    },
  ];
}

const GO_NOTE =
  "go-azuremutex's way to wait, a poll every 10 s, is in the simulated table as `fixed:10s`: in two " +
  "minutes of real time a contender would ask a dozen times, and most would never have the lock.";

/** Where a waiter that is woken up has the lock sooner than one that polls. */
function watchNote(crowd: Crowd, outcomes: readonly Outcome[]): string[] {
  const fair = figuresFor(OURS_FAIR, crowd, outcomes);
  const etcd = figuresFor(ETCD3, crowd, outcomes);
  if (!fair || !etcd || etcd.gapP50 >= fair.gapP50) return [];
  const aheadMs = showDuration(fair.gapP50 - etcd.gapP50);
  return [
    `Without wake-ups, and with ${nameOf(crowd)}, etcd3 has a gap of ${showDuration(etcd.gapP50)} (p95 ` +
      `${showDuration(etcd.gapP95)}): ${aheadMs} less at the median than \`fair\`. ` +
      "A blob cannot wake a waiter; a message past the storage [can](#woken-by-messages).",
  ];
}

async function simulatedTables({ isQuick, note }: Context): Promise<Table[]> {
  const sizes = isQuick ? SIMULATED_QUICK : SIMULATED;
  const tables: Table[] = [];
  for (const { processes, minutes } of sizes) {
    note(`simulating ${processes} processes`);
    const measured = await simulated(processes, minutes);
    const size = `${processes.toLocaleString("en")} processes, holds of ${nameDuration(SIMULATED_HOLD_MS)} on average`;
    tables.push({
      caption: `${size}, ${minutes} min, round trips of ${nameDuration(ROUND_TRIP_MS)}, simulated`,
      columns: SIMULATED_COLUMNS,
      rows: measured.map(({ situation: { policy }, mean }) => simulatedRow(policy, mean)),
    });
  }
  return tables;
}

/** What `npm run simulate` says of each policy. */
async function simulated(processes: number, minutes: number): Promise<readonly Simulated[]> {
  const options = { processes, minutes, hold: `${SIMULATED_HOLD_MS}ms`, "round-trip": `${ROUND_TRIP_MS}ms`, seeds: 1 };
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL("build/lab/policies/main.js", PROJECT)),
    "--json",
    ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    ...SIMULATED_POLICIES.map((policy) => `--policy=${policy}`),
  ]);
  // JSON has no NaN, which stands for nothing to measure.
  return JSON.parse(stdout, (_, value) => value ?? Number.NaN) as Simulated[];
}
