// `npm run model`: the protocol's models, searched exhaustively; and what happens without each of its rules.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runProgram } from "../shared/program.ts";
import { CHECKS, type Check, SWITCHES, type Switch } from "./checks.ts";
import { ask, type Finding, missingTools } from "./spin.ts";
import { checkCells, checkTable, markdownRow, switchCells, switchTable } from "./table.ts";
import { verdictOf } from "./verifier-output.ts";

const USAGE = `Usage: npm run model [-- --quick] [-- --only <text>] [-- --timeline] [-- --table]

  --quick         a part of it, in a minute or two
  --only <text>   only what has this in its model's or its switch's name
  --timeline      every counter-example in full, step by step
  --table         the tables of docs/model.md, instead of lines for people

Needs spin and gcc: apt-get install spin gcc
`;

const DOCUMENT = fileURLToPath(new URL("../../../docs/model.md", import.meta.url));

interface Request {
  readonly quick: boolean;
  readonly only: string;
  readonly timeline: boolean;
  readonly table: boolean;
}

function requested(args: string[]): Request {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      timeline: { type: "boolean", default: false },
      table: { type: "boolean", default: false },
    },
  });
  return values;
}

/** The rows that the document does not have in these words. The time that a search takes is not compared. */
async function notDocumented(checkRows: readonly string[][], switchRows: readonly string[][]): Promise<string[]> {
  const document = await readFile(DOCUMENT, "utf8");
  const starts = [...checkRows.map((cells) => cells.slice(0, -1)), ...switchRows].map((cells) =>
    markdownRow(cells).slice(0, -1),
  );
  return starts.filter((start) => !document.includes(start));
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Asks in a directory that is gone afterwards. */
async function askAside(question: Check | Switch, shortest: boolean): Promise<Finding> {
  const directory = await mkdtemp(join(tmpdir(), "azmutex-model-"));
  try {
    const { model, defines } = question;
    const forever = defines.includes("FOREVER");
    const switches = "name" in question ? [question.name] : [];
    return await ask({ model, defines: [...defines, ...switches], forever, shortest }, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function steps({ timeline }: Finding): string {
  const { steps: all = [], circleFrom } = timeline ?? {};
  return all.map((step, at) => `          ${at === circleFrom ? "↻" : " "} ${step}\n`).join("");
}

async function run({ quick, only, timeline, table }: Request): Promise<number> {
  const missing = missingTools();
  if (missing.length > 0) {
    process.stderr.write(
      `The models were not checked: ${missing.join(" and ")} not found. Debian and Ubuntu: apt-get install spin gcc\n`,
    );
    return 2;
  }

  const began = performance.now();
  const isWanted = (name: string, isQuick = false): boolean => (!quick || isQuick) && name.includes(only);
  let failed = 0;

  const checkRows: string[][] = [];
  for (const check of CHECKS.filter((one) => isWanted(one.model, one.quick))) {
    const finding = await askAside(check, false);
    const { search } = finding;
    const took = `${search.seconds.toFixed(1)} s`;
    checkRows.push([...checkCells(check, search), took]);
    if (!search.exhaustive) failed += 1;
    if (table) continue;
    const outcome = search.exhaustive ? "ok    " : "FAILED";
    const size = `${search.states.toLocaleString("en-US")} states, depth ${search.depth.toLocaleString("en-US")}`;
    say(`${outcome}  ${check.model.padEnd(8)}  ${check.bounds}: ${size}, ${search.megabytes.toFixed(0)} MB, ${took}`);
    say(`                  never violated: ${check.properties.join(", ")}`);
    if (finding.timeline) say(`          ${verdictOf(finding.timeline)}\n${steps(finding)}`);
    else if (!search.exhaustive) say("          cut short: too deep, or too large for the memory it may have");
  }

  const switchRows: string[][] = [];
  for (const one of SWITCHES.filter(({ model, name, quick: isQuick }) => isWanted(`${model} ${name}`, isQuick))) {
    const finding = await askAside(one, !one.defines.includes("FOREVER"));
    const verdict = finding.timeline
      ? verdictOf(finding.timeline)
      : "nothing goes wrong, so the model does not need this rule";
    const isAsExpected = verdict.startsWith(`${one.breaks}:`);
    switchRows.push(switchCells(one, verdict));
    if (!isAsExpected) failed += 1;
    if (table) continue;
    say(
      `${isAsExpected ? "ok    " : "FAILED"}  ${one.model.padEnd(8)}  without ${one.rule}: ${one.without} ` +
        `(${one.name})`,
    );
    say(`                  ${verdict}`);
    if (timeline || !isAsExpected) process.stdout.write(steps(finding));
  }

  if (table) say(`${checkTable(checkRows)}\n${switchTable(switchRows)}`);
  else
    for (const row of await notDocumented(checkRows, switchRows)) say(`note    docs/model.md has no such row: ${row}`);
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  const what = `${checkRows.length} searches and ${switchRows.length} switches in ${seconds} s`;
  process.stderr.write(
    failed === 0 ? `${what}: all as they should be.\n` : `${what}: ${failed} not as they should be.\n`,
  );
  return failed === 0 ? 0 : 1;
}

await runProgram({ usage: USAGE, requested, run });
