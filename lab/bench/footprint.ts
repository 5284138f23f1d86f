import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { PROJECT } from "../shared/project.ts";
import { median, repeated, shown } from "../shared/statistics.ts";
import type { Benchmark, Claim, Context, Report, Table } from "./benchmark.ts";
import { type ImportCost, type Imported, importCosts } from "./import-cost.ts";
import { packageSizes, runTimeDependencies } from "./package-size.ts";
import { bareCycle, ourCycle, timeOf, timesOf } from "./startup.ts";
import { textsOf } from "./texts.ts";

/** What the package may cost, beyond the SDK: of the time that its import takes, and of memory. */
export const FOOTPRINT_LIMITS = Object.freeze({
  importRatio: 0.2,
  heapBytes: 1.6 * 2 ** 20,
  residentBytes: 2 * 2 ** 20,
});

const FOLDER = fileURLToPath(PROJECT);
const CLI = fileURLToPath(new URL("dist/cli/main.js", PROJECT));
const ROUNDS = { full: 25, quick: 3 } as const;
const IMPORTED = ["nothing", "azmutex", "sdk", "both"] as const;
const MIB = 2 ** 20;

type Costs = Readonly<Record<Imported, readonly ImportCost[]>>;

export const FOOTPRINT: Benchmark = {
  ...textsOf("footprint", { ROUNDS: ROUNDS.full }),
  run,
};

async function run({ stage, isQuick, note }: Context): Promise<Report> {
  const rounds = isQuick ? ROUNDS.quick : ROUNDS.full;
  const costs = importCosts(FOLDER, IMPORTED, rounds);
  note("imports are measured");
  const { all, withoutMapsAndPage } = packageSizes(FOLDER);
  const dependencies = runTimeDependencies(FOLDER);
  note("the package is measured");
  const { address } = await stage.ownServer("blobs");
  const started = await startUps(address, rounds);
  const sizes: Table = {
    caption: "Package",
    columns: ["", "packed, KB", "installed, KB", "files"],
    rows: [
      ["everything", kilobytes(all.packed), kilobytes(all.unpacked), all.files],
      [
        "without source maps and status page",
        kilobytes(withoutMapsAndPage.packed),
        kilobytes(withoutMapsAndPage.unpacked),
        withoutMapsAndPage.files,
      ],
    ],
  };
  return {
    tables: [importTable(costs), sizes, started],
    claims: importClaims(costs),
    notes: [
      `Dependencies at run time: ${dependencies.length} (${dependencies.join(", ")}, for the command), ` +
        "besides the SDK, which is a peer.",
    ],
  };
}

async function startUps(connectionString: string, rounds: number): Promise<Table> {
  const key = randomUUID();
  const surroundings = { project: FOLDER, connectionString };
  // The first creates container and blob.
  await timeOf(ourCycle(CLI, key), surroundings);
  const commands = { node: ["--eval", ""], help: [CLI, "--help"], bare: bareCycle(key), run: ourCycle(CLI, key) };
  const times = await timesOf(commands, { ...surroundings, rounds });
  const row = (name: string, taken: readonly number[], base: readonly number[]): string[] => [
    name,
    shown(repeated(taken), 0),
    `${(median(taken) / median(base)).toFixed(2)} times`,
  ];
  return {
    caption: "Start-up",
    columns: ["from start to end", "ms", "ratio"],
    rows: [
      row("`node`, nothing at all", times.node, times.node),
      row("`azmutex --help`, to that", times.help, times.node),
      row("SDK by hand: acquire, release", times.bare, times.bare),
      row("`azmutex run <key> -- true`, to that", times.run, times.bare),
    ],
  };
}

const NAMES: Readonly<Record<Imported, string>> = {
  nothing: "nothing",
  azmutex: "`azmutex`",
  sdk: "`@azure/storage-blob`",
  both: "`azmutex` and `@azure/storage-blob`",
};

function importTable(costs: Costs): Table {
  return {
    caption: "Import",
    columns: ["of", "ms", "heap, MB", "process, MB"],
    rows: IMPORTED.map((imported) => [
      NAMES[imported],
      shown(repeated(costs[imported].map(({ ms }) => ms)), 1),
      shown(repeated(costs[imported].map(({ heapBytes }) => heapBytes / MIB))),
      shown(repeated(costs[imported].map(({ residentBytes }) => residentBytes / MIB)), 1),
    ]),
  };
}

/** How much more it is with ours than without, each at its best: whatever else the machine does only adds to it. */
export function beyondSdk({ sdk, both }: Pick<Costs, "sdk" | "both">, figure: (cost: ImportCost) => number): number {
  return Math.min(...both.map(figure)) - Math.min(...sdk.map(figure));
}

/** How much longer the import takes with ours than without, as a part of the SDK's time, each at its best. */
export function importRatio(costs: Pick<Costs, "sdk" | "both">): number {
  return beyondSdk(costs, ({ ms }) => ms) / Math.min(...costs.sdk.map(({ ms }) => ms));
}

function importClaims(costs: Costs): Claim[] {
  const ratio = importRatio(costs);
  const heap = beyondSdk(costs, (cost) => cost.heapBytes);
  const resident = beyondSdk(costs, (cost) => cost.residentBytes);
  const { importRatio: longest, heapBytes, residentBytes } = FOOTPRINT_LIMITS;
  const bytes = (what: string, measured: number, limit: number): Claim => ({
    what,
    limit: `${limit / MIB} MB`,
    measured: `${(measured / MIB).toFixed(2)} MB`,
    holds: measured <= limit,
  });
  return [
    {
      what: "import, over the SDK's",
      limit: `${longest} of that`,
      measured: `${ratio.toFixed(2)} of that`,
      holds: ratio <= longest,
    },
    bytes("heap, over the SDK's", heap, heapBytes),
    bytes("the process's memory, over the SDK's", resident, residentBytes),
  ];
}

function kilobytes(bytes: number): string {
  return (bytes / 1_000).toFixed(0);
}
