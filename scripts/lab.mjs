// `npm run lab`: the programs of lab/. Builds the package, compiles the laboratory and runs one program in this
// process.
//
//   npm run lab                        lists them
//   npm run lab -- <name> [options]    runs one; `--help` says which options it takes
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Each is a folder of lab/ with a main.ts. */
const PROGRAMS = {
  bench: "how fast, how large and how costly azmutex is, beside other locks",
  chaos: "whether real processes that are killed, stopped and cut off ever hold one lock at once",
  faults: "what azmutex and other locks do when processes, networks and services fail",
  interop: "whether the published go-azuremutex and azmutex exclude each other",
  linearizability: "whether histories of the simulation and of the chaos are linearizable, by Porcupine",
  matrix: "on which runtimes and with which tools the packed package works",
  model: "whether any schedule of the protocol's models breaks a rule",
  pictures: "draws the fault table and the life of a lease for the documents",
  policies: "how long callers wait, and at what cost, under each way to wait",
  simulation: "whether the whole library keeps its promises under faults, seed after seed",
};

const project = fileURLToPath(new URL("..", import.meta.url));

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [join(project, script), ...args], { cwd: project, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

/** A folder with a tsconfig.json of its own needs no build of the package. */
function compile(name) {
  const isApart = existsSync(join(project, "lab", name, "tsconfig.json"));
  if (!isApart) run("scripts/build.mjs");
  run("node_modules/typescript/bin/tsc", "-p", join(project, isApart ? `lab/${name}` : "lab"));
}

const [name, ...options] = process.argv.slice(2);
if (name !== undefined && Object.hasOwn(PROGRAMS, name)) {
  compile(name);
  const program = join(project, "build/lab", name, "main.js");
  process.argv = [process.argv[0], program, ...options];
  await import(pathToFileURL(program).href);
} else {
  const list = Object.entries(PROGRAMS).map(([program, question]) => `  ${program.padEnd(15)} ${question}\n`);
  const isAsked = name === undefined || name === "--help";
  (isAsked ? process.stdout : process.stderr).write(`Usage: npm run lab -- <name> [options]\n\n${list.join("")}`);
  process.exitCode = isAsked ? 0 : 64;
}
