import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";

/** What it takes a fresh process to import something. */
export interface ImportCost {
  readonly ms: number;
  /** Of the heap and what it points to, garbage collected. */
  readonly heapBytes: number;
  /** Of the whole process. */
  readonly residentBytes: number;
}

export type Imported = "nothing" | "azmutex" | "sdk" | "both";

const SDK = "@azure/storage-blob";

/** Imports ours first, so that what both need counts as ours where it is not the SDK's. */
const PROGRAM = `
const began = performance.now();
for (const name of process.argv.slice(1)) await import(name);
const ms = performance.now() - began;
for (let rounds = 0; rounds < 4; rounds += 1) gc();
const { heapUsed, external, rss } = process.memoryUsage();
process.stdout.write(JSON.stringify({ ms, heapBytes: heapUsed + external, residentBytes: rss }));
`;

/** In a fresh process. */
function importCost(project: string, imported: Imported): ImportCost {
  const ours = pathToFileURL(`${project}/dist/index.js`).href;
  const names = { nothing: [], azmutex: [ours], sdk: [SDK], both: [ours, SDK] }[imported];
  const { PATH = "" } = process.env;
  const told = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "--eval", PROGRAM, ...names], {
    cwd: project,
    env: { PATH },
    encoding: "utf8",
  });
  return JSON.parse(told) as ImportCost;
}

/** In turns, after one of each that brings the files into memory. */
export function importCosts<Which extends Imported>(
  project: string,
  which: readonly Which[],
  rounds: number,
): Readonly<Record<Which, readonly ImportCost[]>> {
  const costs = Object.fromEntries(which.map((imported) => [imported, [] as ImportCost[]])) as Record<
    Which,
    ImportCost[]
  >;
  for (const imported of which) importCost(project, imported);
  for (let round = 0; round < rounds; round += 1)
    for (const imported of which) costs[imported].push(importCost(project, imported));
  return costs;
}
