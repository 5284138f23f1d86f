// `npm run matrix`: what works on each runtime, with the package as it would be published. What it has tried it writes
// into docs/runtimes.json, and makes docs/runtimes.md of all that is there.
//
//   --quick          the newest Node, Bun and Deno; no tools; writes nothing
//   --suites         also this project's own suites, on the sources, under each Node: ten minutes more
//   --only <text>    the runtimes whose name has this
//   --tools <text>   the tools whose name has this
//
// Ends with 1 if a check failed for which no reason is known, and with 2 if the registry did not give what is to be
// tried.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startEmulator } from "azmutex/testing";
import { Consumer, NotInstalledError, type Outcome, Packages, pack } from "./consumer.ts";
import { type Column, unexplained } from "./document.ts";
import { startEntra } from "./entra.ts";
import { keepResults } from "./results.ts";
import { RUNTIMES, type Runtime } from "./runtimes.ts";
import { runSuites } from "./suites.ts";
import { tryTools } from "./tools.ts";

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAMS = join(PROJECT, "lab/matrix/programs");

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    tools: { type: "string" },
    quick: { type: "boolean", default: false },
    suites: { type: "boolean", default: false },
  },
});

const isWhole = values.only === undefined && values.tools === undefined && !values.quick;
const isWanted = ({ name, isQuick }: Runtime): boolean => {
  if (values.quick) return isQuick;
  return isWhole || (values.only !== undefined && name.toLowerCase().includes(values.only.toLowerCase()));
};
const wanted = RUNTIMES.filter(isWanted);
if (wanted.length === 0 && values.tools === undefined) {
  console.error(`--only must be part of one of ${RUNTIMES.map(({ name }) => name).join(", ")}, not ${values.only}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "azmutex-matrix-"));
// On a thread of its own: the tools are waited for without turning the event loop.
const emulator = await startEmulator({ ownClock: true });
const entra = await startEntra(emulator);
const services = { connectionString: emulator.connectionString, env: entra.env };
const columns: Column[] = [];
const tools: Outcome[] = [];
try {
  const tarball = pack(PROJECT, folder);
  const packages = new Packages(folder, tarball, PROGRAMS);
  for (const [index, runtime] of wanted.entries()) {
    const consumer = new Consumer(join(folder, `runtime-${index}`), packages, runtime);
    const { runtimeVersion, versions } = consumer;
    const rows: Record<string, readonly Outcome[]> = {};
    // At once: most of their checks wait for leases.
    [rows.Library, rows.Command] = await Promise.all([
      consumer.run("library.mjs", services),
      consumer.run("command.mjs", services, { isUnderNode: true }),
    ]);
    if (runtime.hasSuites && values.suites) rows.Suites = runSuites(PROJECT, consumer.program, folder);
    columns.push({
      runtime: runtime.name,
      triedOn: new Date().toISOString().slice(0, 10),
      runtimeVersion,
      versions,
      rows,
    });
    tell(runtime.name, runtimeVersion, Object.values(rows).flat());
  }
  if (isWhole || values.tools !== undefined) {
    const outcomes = tryTools(PROJECT, folder, tarball, emulator.connectionString, values.tools);
    tools.push(...outcomes);
    tell("Tools", process.version, outcomes);
  }
  if (!values.quick) keepResults(PROJECT, { columns, tools });
  const unknown = unexplained(columns, tools);
  for (const line of unknown) console.error(line);
  process.exitCode = unknown.length === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof NotInstalledError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
} finally {
  await entra[Symbol.asyncDispose]();
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
}

function tell(name: string, version: string, outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ why }) => why !== undefined);
  console.log(`${name} (${version}): ${outcomes.length - failed.length} of ${outcomes.length} checks passed`);
  for (const { name: check, why } of failed) console.log(`  ✗ ${check}: ${why}`);
}
