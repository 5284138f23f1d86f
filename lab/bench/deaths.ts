import { nameDuration, showDuration } from "../shared/duration.ts";
import { median, quantile, repeated, shown } from "../shared/statistics.ts";
import { CONTEXT_USES, contextShare } from "./async-context.ts";
import type { Bar, Benchmark, Claim, Context, Report, Table } from "./benchmark.ts";
import { guardianMemories, type Memory, requestsPerCycle } from "./deaths/cost.ts";
import { DEATHS, type DeathKind } from "./deaths/kinds.ts";
import { type Lane, LEASE_MS, waitsIn } from "./deaths/lane.ts";
import { textsOf } from "./texts.ts";

/** How often each kind of death is measured. */
const DEATHS_OF_EACH = { full: 40, quick: 2 } as const;
/** What takes a lease takes half a minute each time. */
const LEASES_OF_EACH = { full: 6, quick: 1 } as const;
/** How many holders live and die at the same time. More would wait for this machine's cores. */
const LANES = 4;
/** From the death to the next holder's start. */
const MEDIAN_MS = 1_500;
const P95_MS = 2_500;

/** What a guardian may take of the machine's memory. */
const GUARDIAN_MB = 45;
const CONTEXT_ROUNDS = { full: 600, quick: 20 } as const;
const MEMORIES = ["residentKb", "sharedOutKb", "privateKb", "ownKb"] as const satisfies readonly (keyof Memory)[];
const GUARDED = { locks: [1, 50], full: 5, quick: 1 } as const;

/** The waits that followed the deaths of one kind. */
interface Measured {
  readonly kind: DeathKind;
  readonly deaths: number;
  readonly waitsMs: readonly number[];
}

export const DEATHS_OF_HOLDERS: Benchmark = {
  ...textsOf("deaths", { LEASE: nameDuration(LEASE_MS), LANES }),
  async run(context) {
    const rows = await measureAll(context);
    const cost = await costOf(context);
    return {
      tables: [tableOf(rows), ...cost.tables],
      claims: [...rows.map(claimOf), ...cost.claims],
      chart: {
        title: "From the end of the holder's process to the next holder's start",
        unit: "seconds; the line is the least and the most",
        bars: rows.map(barOf),
      },
      notes: [],
    };
  },
};

/** What it costs to be ready for the end of a process. */
async function costOf({ stage, isQuick, note }: Context): Promise<Pick<Report, "tables" | "claims">> {
  const { address } = await stage.place("blobs");
  const processes = GUARDED[isQuick ? "quick" : "full"];
  const guardians: { readonly locks: number; readonly memories: readonly Memory[] }[] = [];
  for (const locks of GUARDED.locks)
    guardians.push({ locks, memories: await guardianMemories(address, locks, processes) });
  note("guardians are measured");
  const { without, withAll } = await requestsPerCycle(await stage.ownWay("blobs"));
  const contextClaims: Claim[] = [];
  for (const use of CONTEXT_USES) {
    const { added, ofRuntime } = await contextShare(use, CONTEXT_ROUNDS[isQuick ? "quick" : "full"]);
    const alone = use.bare ? `, an \`AsyncLocalStorage\` alone ${(ofRuntime * 100).toFixed(1)} %` : "";
    contextClaims.push({
      what: `processor time that async context adds to \`${use.name}\` in memory`,
      limit: `${use.limit * 100} %`,
      measured: `${(added * 100).toFixed(1)} %${alone}`,
      holds: added <= use.limit,
    });
  }
  const most = Math.max(
    ...guardians.flatMap(({ memories }) => memories.map(({ residentKb }) => megabytes(residentKb))),
  );
  return {
    tables: [
      {
        caption: "Memory of the guardian's process",
        columns: ["", "resident, MB", "its share (PSS), MB", "no other's (USS), MB", "no file, MB"],
        rows: guardians.map(({ locks, memories }) => [
          `of a process with ${locks === 1 ? "1 lock" : `${locks} locks`}`,
          ...MEMORIES.map((memory) => shown(repeated(memories.map((one) => megabytes(one[memory]))), 1)),
        ]),
      },
    ],
    claims: [
      {
        what: "memory of the guardian's process, at most",
        limit: `${GUARDIAN_MB} MB`,
        measured: `${most.toFixed(1)} MB`,
        holds: most <= GUARDIAN_MB,
      },
      {
        what: "requests of lock and unlock, with a guardian, `releaseOnExit` and a state directory",
        limit: "as without",
        measured: `${withAll.toFixed(2)} to ${without.toFixed(2)}`,
        holds: withAll <= without,
      },
      ...contextClaims,
    ],
  };
}

function megabytes(kilobytes: number): number {
  return kilobytes / 1_024;
}

async function measureAll({ stage, isQuick, deaths: asked, note }: Context): Promise<Measured[]> {
  const { address } = await stage.place("blobs");
  const size = isQuick ? "quick" : "full";
  const measureOne = async (kind: DeathKind): Promise<Measured> => {
    const most = (kind.takesLease ? LEASES_OF_EACH : DEATHS_OF_EACH)[size];
    const deaths = kind.takesLease ? Math.min(most, asked ?? most) : (asked ?? most);
    const lanes = lanesOf(kind, address, deaths);
    const waits = await Promise.all(
      lanes.map((lane) => (kind.takesLease ? waitsIn(lane) : inTurn(() => waitsIn(lane)))),
    );
    const measured = { kind, deaths, waitsMs: waits.flat() };
    note(rowOf(measured).join("  "));
    return measured;
  };
  const inTurn = turnsOf(LANES);
  return await Promise.all(DEATHS.map(measureOne));
}

/** Deaths that take a lease are all at once; of the others each lane has its part. */
function lanesOf({ name, locks, startHolder, takesLease }: DeathKind, address: string, deaths: number): Lane[] {
  const lanes = takesLease ? deaths : Math.min(LANES, deaths);
  return Array.from({ length: lanes }, (_, lane) => ({
    address,
    startHolder,
    keys: Array.from({ length: locks }, (_, n) => `${name.replaceAll(/\W+/g, "-")}-${locks}-${lane}-${n}`),
    deaths: Math.floor((deaths + lane) / lanes),
  }));
}

/** Starts what it is given, so many at the same time and in that order. */
function turnsOf(most: number): <T>(start: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (start) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await start();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

function tableOf(rows: readonly Measured[]): Table {
  return { columns: ["", "locks", "deaths", "to the next start, median", "p95", "most"], rows: rows.map(rowOf) };
}

function rowOf({ kind, deaths, waitsMs }: Measured): readonly (string | number)[] {
  return [
    kind.what,
    kind.locks,
    deaths,
    showDuration(median(waitsMs)),
    showDuration(quantile(waitsMs, 0.95)),
    showDuration(Math.max(...waitsMs)),
  ];
}

function claimOf({ kind, waitsMs }: Measured): Claim {
  const [middle, p95] = [median(waitsMs), quantile(waitsMs, 0.95)];
  const what = `${kind.what}, ${kind.locks === 1 ? "1 lock" : `${kind.locks} locks`}`;
  return kind.takesLease
    ? {
        what: `${what}: median`,
        limit: `the lease, ${nameDuration(LEASE_MS)}`,
        measured: showDuration(middle),
        holds: middle <= LEASE_MS,
      }
    : {
        what: `${what}: median / p95`,
        limit: `${nameDuration(MEDIAN_MS)} / ${nameDuration(P95_MS)}`,
        measured: `${showDuration(middle)} / ${showDuration(p95)}`,
        holds: middle <= MEDIAN_MS && p95 <= P95_MS,
      };
}

function barOf({ kind, waitsMs }: Measured): Bar {
  const inSeconds = waitsMs.map((ms) => ms / 1_000);
  const label = `${kind.name}${kind.locks === 1 ? "" : `, ${kind.locks} locks`}`;
  return { label, value: median(inSeconds), spread: [Math.min(...inSeconds), Math.max(...inSeconds)], isOurs: true };
}
