// `npm run lab -- linearizability`: histories of the simulation and of the chaos, judged by Porcupine.
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { buildGoProgram, JUDGE } from "../shared/go-peer/go-program.ts";
import type { HistoryLine } from "../shared/history.ts";
import { runProgram } from "../shared/program.ts";
import { PROJECT } from "../shared/project.ts";
import { PLANTED, withOverlap } from "./planted.ts";

const USAGE = `Usage: npm run lab -- linearizability [--seeds <n>] [file …]

  --seeds <n>   how many seeds of the simulation are judged; default: 500
  file          what \`npm run chaos -- --history <file>\` wrote

Needs Go 1.24 or newer. Ends with 0 if every history is linearizable and every planted violation is found, with 1 if
not, and with 2 if it could not run.
`;

interface Judged {
  readonly objects: number;
  readonly operations: number;
  /** What is not linearizable, or could not be decided. */
  readonly found: readonly string[];
}

class Judge {
  readonly #program: string;
  readonly #folder: string;
  #failed = 0;

  constructor(program: string, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  get hasFailed(): boolean {
    return this.#failed > 0;
  }

  ofFiles(...files: readonly string[]): Judged {
    const { status, stdout, stderr } = spawnSync(this.#program, files, { encoding: "utf8", maxBuffer: Infinity });
    if (status !== 0) throw new Error(`the judge ended with ${status}:\n${stderr}`);
    const said = stdout.trimEnd().split("\n");
    return { ...(JSON.parse(said.at(-1) ?? "") as Judged), found: said.slice(0, -1) };
  }

  async ofLines(lines: readonly HistoryLine[]): Promise<Judged> {
    const file = join(this.#folder, "planted.jsonl");
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return this.ofFiles(file);
  }

  check(what: string, isSo: boolean, seen: string): void {
    if (!isSo) this.#failed += 1;
    process.stdout.write(`${isSo ? "ok    " : "FAILED"}  ${what}: ${seen}\n`);
  }

  /** A history that is to be linearizable. */
  checkSound(what: string, { objects, operations, found }: Judged): void {
    const seen = found.length === 0 ? "linearizable" : found.join("\n          ");
    this.check(what, found.length === 0 && operations > 0, `${operations} operations on ${objects} objects: ${seen}`);
  }
}

async function judgeAll(folder: string, seeds: string, files: readonly string[]): Promise<boolean> {
  const { file: program, moduleVersion, goVersion } = buildGoProgram(folder, JUDGE);
  process.stdout.write(`Porcupine ${moduleVersion} (${goVersion})\n`);
  const judge = new Judge(program, folder);
  for (const { what, isSound, lines } of PLANTED) {
    const { found } = await judge.ofLines(lines);
    const verdict = found.length === 0 ? "linearizable" : "not linearizable";
    judge.check(`planted: ${what}`, (found.length === 0) === isSound, verdict);
  }
  const history = join(folder, "simulation.jsonl");
  const simulation = fileURLToPath(new URL("build/lab/simulation/main.js", PROJECT));
  const words = ["--seeds", seeds, "--minutes", "60", "--json", "--history", history];
  await promisify(execFile)(process.execPath, [simulation, ...words], { maxBuffer: Infinity });
  judge.checkSound(`simulation, ${seeds} seeds`, judge.ofFiles(history));
  for (const file of files) judge.checkSound(file, judge.ofFiles(file));
  for (const file of [history, ...files]) {
    const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
    const spoilt = withOverlap(lines.map((line) => JSON.parse(line) as HistoryLine));
    const found = spoilt && (await judge.ofLines(spoilt)).found;
    const where = file === history ? "simulation" : file;
    judge.check(
      `planted: one hold of ${where} made longer`,
      found?.length === 1,
      found?.join(", ") ?? "nothing to spoil",
    );
  }
  return !judge.hasFailed;
}

interface Request {
  readonly seeds: string;
  readonly files: readonly string[];
}

function requested(args: string[]): Request {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { seeds: { type: "string", default: "500" } },
  });
  return { seeds: values.seeds, files: positionals };
}

await runProgram({
  usage: USAGE,
  requested,
  async run({ seeds, files }) {
    const folder = await mkdtemp(join(tmpdir(), "azmutex-linearizability-"));
    try {
      return (await judgeAll(folder, seeds, files)) ? 0 : 1;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});
