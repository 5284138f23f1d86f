// `npm run matrix`: what works on each runtime, with the package as it would be published. Writes docs/runtimes.md.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startEmulator } from "azmutex/testing";
import { Consumer, type Outcome, pack } from "./consumer.ts";
import { type Column, runtimesDocument, unexplained } from "./document.ts";
import { RUNTIMES } from "./runtimes.ts";

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAMS = join(PROJECT, "matrix/programs");
const DOCUMENT = join(PROJECT, "docs/runtimes.md");

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    check: { type: "boolean", default: false },
  },
});

const wanted = RUNTIMES.filter(({ name }) => values.only === undefined || name.toLowerCase().includes(values.only.toLowerCase()));
if (wanted.length === 0) {
  console.error(`--only must be part of one of ${RUNTIMES.map(({ name }) => name).join(", ")}, not ${values.only}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "azmutex-matrix-"));
const emulator = await startEmulator();
const columns: Column[] = [];
try {
  const tarball = pack(PROJECT, folder);
  for (const [index, runtime] of wanted.entries()) {
    const consumer = new Consumer(join(folder, `${index}`), tarball, PROGRAMS, runtime);
    const { runtimeVersion, versions } = consumer;
    const rows: Record<string, readonly Outcome[]> = {};
    for (const [title, program] of [
      ["Library", "library.mjs"],
      ["Command", "command.mjs"],
    ] as const) {
      rows[title] = await consumer.run(program, emulator.connectionString);
    }
    columns.push({ runtime: runtime.name, runtimeVersion, versions, rows });
    tell(runtime.name, runtimeVersion, Object.values(rows).flat());
  }
} finally {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
}

if (wanted.length === RUNTIMES.length && !values.check) writeFileSync(DOCUMENT, runtimesDocument(columns));
const unknown = unexplained(columns);
for (const line of unknown) console.error(line);
process.exitCode = unknown.length === 0 ? 0 : 1;

function tell(name: string, version: string, outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ why }) => why !== undefined);
  console.log(`${name} (${version}): ${outcomes.length - failed.length} of ${outcomes.length} checks passed`);
  for (const { name: check, why } of failed) console.log(`  ✗ ${check}: ${why}`);
}
