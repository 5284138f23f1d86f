// `npm run chaos`: real processes, a real storage, and everything that can go wrong with them, from one seed.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { appendHistory } from "../shared/history.ts";
import { runProgram } from "../shared/program.ts";
import { check } from "./checker.ts";
import { conduct } from "./conductor.ts";
import { deathLine, deathsReport, judged } from "./deaths/report.ts";
import { runDeaths } from "./deaths/run.ts";
import type { Evidence } from "./evidence.ts";
import { historyOf } from "./history.ts";
import { pictureOf } from "./picture.ts";
import { reportOf, troubleLine } from "./report.ts";
import { tallyOf } from "./tally.ts";

const USAGE = `usage: npm run chaos -- [--minutes N] [--seed N] [--picture FILE]
                            [--journals FOLDER] [--history FILE] [--json]
       npm run chaos -- --deaths N [--seed N] [--journals FOLDER] [--history FILE] [--json]

  --minutes N      how long; in whole rounds of a minute and a half, and a calm after each. Default: 2
  --deaths N       so many processes die instead, of all that releases a lock after a death
  --seed N         the plan of what goes wrong. Default: one drawn at random, and told
  --picture FILE   where the timeline goes. Default: chaos-timeline.svg
  --journals FOLDER  an empty one, where what every worker noted is left behind
  --history FILE   where the history is appended, for npm run lab -- linearizability
  --json           everything found and counted, as one line
`;

type Options = NonNullable<ReturnType<typeof requested>>;

function requested(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "2" },
      deaths: { type: "string" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
      picture: { type: "string", default: "chaos-timeline.svg" },
      journals: { type: "string" },
      history: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const { journals, history } = values;
  const deaths = values.deaths === undefined ? undefined : Number(values.deaths);
  const options = { ...values, journals, history, deaths, seed: Number(values.seed), minutes: Number(values.minutes) };
  const isMuch = options.minutes >= 1 && options.minutes < Infinity && (deaths === undefined || deaths >= 1);
  return Number.isSafeInteger(options.seed) && isMuch ? options : undefined;
}

async function run(options: Options): Promise<number> {
  const { journals, json } = options;
  const calledOff = new AbortController();
  let calledOffStatus = 0;
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      calledOffStatus = status;
      calledOff.abort();
    });
  }
  const say = (line: string): void => {
    if (!json) process.stdout.write(`${line}\n`);
  };
  const folder = journals ?? (await mkdtemp(join(tmpdir(), "azmutex-chaos-")));
  try {
    const outcome = options.deaths === undefined ? runTroubles : runDeathsOf;
    return await outcome(options, { folder, signal: calledOff.signal, say });
  } catch (error) {
    if (!calledOff.signal.aborted) throw error;
    process.stderr.write("called off: nothing was judged\n");
    return calledOffStatus;
  } finally {
    if (journals === undefined) await rm(folder, { recursive: true, force: true });
  }
}

interface Surroundings {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

async function runTroubles(
  { seed, minutes, picture, journals, history, json }: Options,
  { folder, signal, say }: Surroundings,
): Promise<number> {
  say(`chaos with seed ${seed}, ${minutes} minutes`);
  const onTrouble = (...told: Parameters<typeof troubleLine>): void => say(troubleLine(...told));
  const { evidence, requests } = await conduct({ seed, minutes, folder, signal, onTrouble });
  await keep(evidence, { journals, history });
  const verdict = check(evidence);
  const tally = tallyOf(evidence, requests);
  await writeFile(picture, pictureOf(evidence, verdict, tally));
  if (json) process.stdout.write(`${JSON.stringify({ seed, ...tally, ...verdict })}\n`);
  else process.stdout.write(reportOf(seed, minutes, tally, verdict, picture));
  return verdict.violations.length > 0 ? 1 : 0;
}

async function runDeathsOf(
  { seed, deaths = 0, journals, history, json }: Options,
  { folder, signal, say }: Surroundings,
): Promise<number> {
  say(`chaos with seed ${seed}, ${deaths} deaths`);
  const outcome = await runDeaths({ seed, deaths, folder, signal, onDeath: (death) => say(deathLine(death)) });
  await keep(outcome.evidence, { journals, history });
  const verdict = judged(outcome);
  if (json) process.stdout.write(`${JSON.stringify({ seed, deaths: outcome.deaths, ...verdict })}\n`);
  else process.stdout.write(deathsReport(seed, outcome, verdict));
  return verdict.violations.length > 0 ? 1 : 0;
}

async function keep(evidence: Evidence, { journals, history }: Pick<Options, "journals" | "history">): Promise<void> {
  if (journals !== undefined) await writeFile(join(journals, "evidence.json"), JSON.stringify(evidence));
  if (history !== undefined) appendHistory(history, historyOf(evidence));
}

await runProgram({ usage: USAGE, requested, run });
