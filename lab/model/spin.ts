import { spawn, spawnSync } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Model } from "./checks.ts";
import { type Search, searchIn, type Timeline, timelineIn } from "./verifier-output.ts";

/** The models are not compiled: they stay where they are, beside these sources. */
const MODELS = fileURLToPath(new URL("../../../lab/model/", import.meta.url));
const MEMORY_MB = 3_000;
const DEEPEST = 1_000_000;
/** Fairness is kept per process, and three bytes of flags are enough for all that a model has. */
const FAIRNESS_BYTES = 3;

/** What is missing here that it takes to check a model. */
export function missingTools(): string[] {
  return [
    ["spin", "-V"],
    ["gcc", "--version"],
  ].flatMap(([tool = "", option = ""]) => (spawnSync(tool, [option], { stdio: "ignore" }).status === 0 ? [] : [tool]));
}

export interface Question {
  readonly model: Model;
  readonly defines: readonly string[];
  /** Whether a circle is looked for, in which a process waits for ever, instead of a wrong state. */
  readonly forever: boolean;
  /** Whether a finding is expected, and is to be as short as can be. */
  readonly shortest: boolean;
}

export interface Finding {
  readonly search: Search;
  readonly timeline: Timeline | undefined;
}

/** Searches a model in a directory of its own. */
export async function ask({ model, defines, forever, shortest }: Question, directory: string): Promise<Finding> {
  const file = `${model}.pml`;
  const flags = defines.map((define) => `-D${define}`);
  // With all that it may include.
  await cp(MODELS, directory, { recursive: true });
  await run("spin", [...flags, "-a", file], directory);
  await run("gcc", [...compileFlags(forever, shortest), "-o", "pan", "pan.c"], directory);
  // As a child of ours, with nothing but its own directory.
  const output = await run(
    join(directory, "pan"),
    [`-m${DEEPEST}`, "-w24", ...(forever ? ["-a", "-f"] : [])],
    directory,
  );
  const search = searchIn(output);
  const timeline = search.found ? timelineIn(await run("spin", [...flags, "-t", file], directory)) : undefined;
  return { search, timeline };
}

function compileFlags(forever: boolean, shortest: boolean): string[] {
  const flags = ["-w", `-DMEMLIM=${MEMORY_MB}`, "-DNOREDUCE"];
  if (forever) return [...flags, "-O1", `-DNFAIR=${FAIRNESS_BYTES}`];
  return [...flags, "-DSAFETY", ...(shortest ? ["-O1", "-DBFS"] : ["-O2"])];
}

/** What a program writes. The verifier ends with 0 whatever it finds; replays and findings speak for themselves. */
function run(program: string, parameters: readonly string[], directory: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0 || output.includes("errors:") || parameters.includes("-t")) resolve(output);
      else reject(new Error(`${program} ${parameters.join(" ")} ended with ${signal ?? code}:\n${output}`));
    });
  });
}
