// `npm run simulate:long`: seed after seed, or one of them in words.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Failure, Tally } from "./batch.ts";
import { GAMES } from "./games.ts";
import { runLong } from "./long-run.ts";
import { minimalOf } from "./minimal.ts";
import { simulate } from "./simulation.ts";
import { timelineOf } from "./timeline.ts";

const USAGE = `usage: npm run simulate:long -- [--minutes N] [--seeds N] [--from SEED] [--threads N]
                              [--until-failure] [--rules RULE,…] [--json]
                              [--game NAME]      every seed plays it: ${["once", ...GAMES].join(", ")}
                              [--history FILE]   appends the histories, for npm run lab -- linearizability
       SEED=N npm run simulate:long              what happens under a seed; of one that fails, the little that matters
       SEED=N npm run simulate:long -- --whole   everything that happens under it
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seeds: { type: "string", default: "1000000000" },
    from: { type: "string", default: "1" },
    threads: { type: "string", default: String(availableParallelism()) },
    "until-failure": { type: "boolean", default: false },
    game: { type: "string" },
    rules: { type: "string" },
    history: { type: "string" },
    json: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const only = [...GAMES, "once" as const].find((name) => name === values.game);
if (values.game !== undefined && only === undefined) throw new Error(`there is no game ${values.game}`);

async function replay(seed: number): Promise<void> {
  Error.stackTraceLimit = 0;
  const plan = { seed, game: only };
  const outcome = values.whole ? await simulate({ ...plan, isTold: true }) : (await minimalOf(plan)).outcome;
  process.stdout.write(timelineOf(outcome, seed));
  if (outcome.violation) process.exitCode = 1;
}

function progressOf({ seeds, holds, losses, requests, faults, failures }: Tally, elapsedMs: number): string {
  const speed = Math.round((1_000 * seeds) / elapsedMs);
  return (
    `${seeds} seeds, ${speed} a second: ${holds} holds, ${losses} lost, ${requests} requests, ${faults} ` +
    `faults, ${failures.length} failures`
  );
}

function lineOf({ seed, game, how }: Failure): string {
  return `SEED=${seed}  ${game}: ${how}\n`;
}

async function runAll(): Promise<void> {
  let shownAt = 0;
  let told = 0;
  const tally = await runLong({
    from: Number(values.from),
    seeds: Number(values.seeds),
    forMs: Number(values.minutes) * 60_000,
    threads: Number(values.threads),
    game: only,
    rules: values.rules?.split(","),
    history: values.history,
    untilFailure: values["until-failure"],
    onProgress: (soFar, elapsedMs) => {
      if (values.json) return;
      for (const failure of soFar.failures.slice(told)) process.stdout.write(lineOf(failure));
      told = soFar.failures.length;
      if (elapsedMs - shownAt < 5_000) return;
      shownAt = elapsedMs;
      process.stdout.write(`${progressOf(soFar, elapsedMs)}\n`);
    },
  });
  const failures = [...tally.failures].sort((a, b) => a.seed - b.seed);
  if (values.json) process.stdout.write(`${JSON.stringify({ ...tally, failures })}\n`);
  else {
    for (const failure of failures) process.stdout.write(lineOf(failure));
    process.stdout.write(`${tally.seeds} seeds from ${values.from} on, ${failures.length} failures\n`);
  }
  if (failures.length > 0) process.exitCode = 1;
}

const seed = process.env.SEED;
if (values.help) process.stdout.write(USAGE);
else if (seed === undefined) await runAll();
else await replay(Number(seed));
