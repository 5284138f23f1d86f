// `npm run faults`: what happens to locks, ours and others', when things go wrong.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildGoProgram, GO_PORT } from "../shared/go-peer/go-program.ts";
import { NotRunError } from "../shared/go-peer/not-run.ts";
import { preparePeers, versionOf } from "../shared/peers.ts";
import { runProgram } from "../shared/program.ts";
import { PROJECT, versionIn } from "../shared/project.ts";
import { redisVersion } from "../shared/storage/storage.ts";
import { type Cell, gradeOf, wordsOf } from "./cell.ts";
import { COLUMNS, type Column } from "./columns.ts";
import { replaced, type Shown } from "./document.ts";
import { Gate } from "./gate.ts";
import { ROWS, type Row } from "./rows.ts";
import { type GoStage, Theatre } from "./theatre.ts";

const USAGE = `Usage: npm run faults [-- --only <row>] [-- --column <name>] [-- --at-once <n>] [-- --merge] [-- --json]

  --only <row>      only the rows that have this in their name; may be given several times
  --column <name>   only the columns that have this in their name; may be given several times
  --at-once <n>     how many cells are measured at the same time, and as many of Go's beside them. Default: 6
  --merge           with --only: writes these rows into docs/faults.md, and leaves the others as they are
  --json            what was seen, as JSON, and nothing written

Measures every cell, in real time, within 20 minutes, and writes docs/faults.md if all of them were measured.
Needs Linux and gcc; for the columns of Redis: apt-get install redis-server
`;

const DOCUMENT = fileURLToPath(new URL("docs/faults.md", PROJECT));

type Request = NonNullable<ReturnType<typeof requested>>;

function requested(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true, default: [""] },
      column: { type: "string", multiple: true, default: [""] },
      "at-once": { type: "string", default: "6" },
      merge: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const rows = ROWS.filter(({ id, title }) => values.only.some((text) => id.includes(text) || title.includes(text)));
  const columns = COLUMNS.filter(({ name }) => values.column.some((text) => name.includes(text)));
  const atOnce = Number(values["at-once"]);
  if (rows.length === 0 || columns.length === 0 || !(atOnce >= 1)) return undefined;
  return { rows, columns, atOnce, merge: values.merge, json: values.json };
}

/** The columns with their versions, and with the reason where one cannot be had on this machine. */
function availability(columns: readonly Column[], go: Go | undefined): Shown[] {
  const noPeers = preparePeers();
  const own = versionIn("");
  return columns.map((column) => {
    if (column.module === "go") return { column, version: go?.version ?? "", notRun: go?.notRun };
    if (column.package === undefined) return { column, version: own };
    return { column, version: versionOf(column.package), notRun: column.room.missing() ?? noPeers };
  });
}

/** Go's program and where it enters, or why there is none. */
interface Go {
  readonly version: string;
  readonly stage?: GoStage;
  readonly notRun?: string;
}

async function prepareGo(folder: string): Promise<Go> {
  try {
    const { file, moduleVersion } = buildGoProgram(folder);
    const gate = await Gate.open(GO_PORT);
    return { version: moduleVersion.replace(/^v/, ""), stage: { gate, program: file } };
  } catch (error) {
    if (error instanceof NotRunError) return { version: "", notRun: error.message };
    if (error instanceof Error && "code" in error)
      return { version: "", notRun: `port ${GO_PORT}, where it looks for its emulator: ${error.code}` };
    throw error;
  }
}

type Task = readonly [Row, Column];

async function measured(tasks: readonly Task[], go: GoStage | undefined, atOnce: number): Promise<Cell[]> {
  const cells: Cell[] = [];
  await using theatre = new Theatre(go);
  const work = async (waiting: Task[]): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const [row, column] = task;
      const findings = await theatre.observe(row, column).catch((error: unknown) => {
        process.stderr.write(
          `${row.id}, ${column.name} was not measured: ${error instanceof Error ? error.stack : error}\n`,
        );
      });
      if (!findings) continue;
      cells.push({ row: row.id, column: column.name, findings });
      process.stderr.write(
        `${`${cells.length}/${tasks.length}`.padStart(7)}  ${row.id}, ${column.name}: ${wordsOf(findings)}\n`,
      );
    }
  };
  // Go's leases are four times as long, and its processes hardly run: they go beside the others.
  const ofGo = tasks.filter(([, { module }]) => module === "go");
  const ofNode = tasks.filter(([, { module }]) => module !== "go");
  await Promise.all([ofGo, ofNode].flatMap((waiting) => Array.from({ length: atOnce }, () => work(waiting))));
  return cells;
}

function ranOn(): string {
  const redis = redisVersion();
  const storages = [
    `Azurite ${versionIn("node_modules/azurite/")}`,
    ...(redis === undefined ? [] : [`Redis ${redis}`]),
  ];
  return (
    `Measured with Node.js ${process.versions.node}, ${storages.join(" and ")}, on ${process.platform} with ` +
    `${cpus().length} cores.`
  );
}

async function run(request: Request): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "azmutex-faults-"));
  const go = request.columns.some(({ module }) => module === "go") ? await prepareGo(folder) : undefined;
  try {
    return await answer(request, go);
  } finally {
    await go?.stage?.gate[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

async function answer({ rows, columns, atOnce, merge, json }: Request, go: Go | undefined): Promise<number> {
  const shown = availability(columns, go);
  for (const { column, notRun } of shown)
    if (notRun !== undefined) process.stderr.write(`${column.name} is not run: ${notRun}\n`);
  const run = shown.filter(({ notRun }) => notRun === undefined);
  const tasks = rows.flatMap((row) => run.map(({ column }) => [row, column] as const));
  const began = performance.now();
  const cells = await measured(tasks, go?.stage, atOnce);
  process.stderr.write(`${cells.length} cells in ${((performance.now() - began) / 1_000).toFixed(0)} s\n`);
  if (json) {
    process.stdout.write(`${JSON.stringify(cells, null, 2)}\n`);
  } else if (
    (merge || rows.length === ROWS.length) &&
    columns.length === COLUMNS.length &&
    cells.length === tasks.length
  ) {
    const kept = ROWS.filter((row) => !rows.includes(row));
    const document = replaced(await readFile(DOCUMENT, "utf8"), {
      rows: ROWS,
      kept,
      columns: shown,
      cells,
      ranOn: ranOn(),
    });
    await writeFile(DOCUMENT, document);
  }
  const bad = cells.filter(({ column, findings }) => column === "azmutex" && gradeOf(findings) === "bad");
  return bad.length === 0 && cells.length === tasks.length ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await runProgram({ usage: USAGE, requested, run });
