// `npm run mutants`: makes one mistake after the other in a copy of src/, and says which seed of the simulation finds
// it.
//
//   npm run mutants                    all of them, each until it is found, in as many seeds as the slow tests run
//   npm run mutants -- --seeds 500     in so many seeds at most
//   npm run mutants -- --only margin   those with this in their name
//   npm run mutants -- --game once     those that this game is to find
//   npm run mutants -- --rules exclusion,tokens   by these rules alone
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readMutants } from "../build/lab/simulation/mutants.js";
import { edited } from "../build/lab/simulation/mutate.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** All that the simulation needs. */
const PARTS = ["src", "lab/tsconfig.json", "lab/simulation", "lab/shared", "tsconfig.json", "package.json"];

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2400" },
    only: { type: "string", default: "" },
    game: { type: "string" },
    rules: { type: "string" },
  },
});

const copy = mkdtempSync(join(tmpdir(), "azmutex-mutants-"));
const isNeeded = (path) => !/\bshared[\\/]peers[\\/]/.test(path);
for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true, filter: isNeeded });
symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
const tsc = join(ROOT, "node_modules", ".bin", "tsc");
const simulation = join(copy, "build", "lab", "simulation", "main.js");

/** The sources of the copy, by their path within `src`. */
function sources() {
  const paths = readdirSync(join(copy, "src"), { recursive: true }).filter((path) => path.endsWith(".ts"));
  return new Map(paths.map((path) => [path.replaceAll("\\", "/"), readFileSync(join(copy, "src", path), "utf8")]));
}

/** Makes a mutant's edits in the copy, and returns what takes them back. */
function apply({ name, edits }) {
  const before = sources();
  let after = before;
  try {
    for (const edit of edits) after = edited(after, edit);
  } catch (error) {
    throw new Error(`mutant "${name}": ${error.message}`);
  }
  const changed = [...after.keys()].filter((path) => after.get(path) !== before.get(path));
  const write = (texts) => {
    for (const path of changed) writeFileSync(join(copy, "src", path), texts.get(path));
  };
  write(after);
  return () => write(before);
}

function find(mutant) {
  const undo = apply(mutant);
  try {
    execFileSync(tsc, ["-p", "lab/simulation"], { cwd: copy, stdio: ["ignore", "pipe", "pipe"] });
    const args = [
      simulation,
      "--json",
      "--until-failure",
      "--threads",
      "1",
      "--minutes",
      "60",
      "--seeds",
      values.seeds,
    ];
    if (mutant.game) args.push("--game", mutant.game);
    if (mutant.from) args.push("--from", String(mutant.from));
    if (values.rules) args.push("--rules", values.rules);
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: "utf8", maxBuffer: 2 ** 28 });
    if (!stdout) throw new Error(`mutant "${mutant.name}": ${stderr}`);
    return JSON.parse(stdout);
  } catch (error) {
    throw error.stdout ? new Error(`mutant "${mutant.name}" does not compile:\n${error.stdout}`) : error;
  } finally {
    undo();
  }
}

const linkTo = (rule) => `[${rule}](../../docs/protocol.md#${rule.toLowerCase()})`;

const chosen = readMutants(join(ROOT, "lab/simulation/mutants.yaml")).filter(
  ({ name, game = "" }) => name.includes(values.only) && (!values.game || game === values.game),
);
if (chosen.length === 0) throw new Error(`no mutant has ${JSON.stringify(values.only)} in its name`);
let missed = 0;
try {
  process.stdout.write("| mutant | rule | found by seed | what breaks | in |\n|---|---|---|---|---|\n");
  for (const mutant of chosen) {
    const [first] = find(mutant).failures;
    if (!first) missed += 1;
    const { seed, rule, game } = first ?? { seed: `**none of ${values.seeds}**`, rule: "–", game: "–" };
    process.stdout.write(`| ${mutant.name} | ${linkTo(mutant.rule)} | ${seed} | ${rule} | ${game} |\n`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`\n${chosen.length - missed} of ${chosen.length} mutants are found\n`);
if (missed > 0) process.exitCode = 1;
