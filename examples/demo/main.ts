// `npm run demo`: five processes, one lock, one of them killed.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { announce } from "./announce.ts";
import { secondsOf } from "./board.ts";
import type { LockAddress } from "./messages.ts";
import { openPlace } from "./place.ts";
import { PLAN } from "./plan.ts";
import { Race } from "./race.ts";
import type { RaceRecord } from "./race-record.ts";
import { Screen } from "./screen.ts";
import { timelineSvg } from "./timeline/timeline.ts";
import { judge } from "./verdict.ts";

const USAGE = `Usage: npm run demo [-- --without-lock]

  --without-lock   the same work with no lock, to see the count go wrong

With AZURE_STORAGE_CONNECTION_STRING set, the lock lives in that account instead of a local emulator.
`;

const WORK = `${PLAN.workers} processes, ${PLAN.share} increments each of one number in a file`;
const PICTURE = "demo-timeline.svg";
const MARKS = { right: ["green", "✔"], wrong: ["red", "✘"], note: ["dim", "•"] } as const;

const screen = new Screen(process.stdout);
/** Ctrl-C and its like; the reason is the exit status. */
const interruption = new AbortController();

async function main(options: readonly string[]): Promise<number> {
  if (options.includes("--help") || options.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const unknown = options.find((option) => option !== "--without-lock");
  if (unknown !== undefined) {
    process.stderr.write(`unknown option ${unknown}\n${USAGE}`);
    return 2;
  }
  return options.includes("--without-lock") ? withoutLock() : withLock();
}

async function withLock(): Promise<number> {
  const place = await openPlace();
  try {
    screen.say(`${WORK}, one lock`);
    screen.say(`The lock is ${place.description}`);
    const run = await race(place.limitMs, place.lock);
    const status = conclude(run);
    if (run.holds.length > 0) {
      if (!interruption.signal.aborted) {
        await writeFile(PICTURE, timelineSvg(run));
        screen.say("");
        screen.say(`The run as a picture: ${PICTURE}`);
      }
      if (place.farewell) process.stdout.write(`\n${place.farewell}\n`);
    }
    return status;
  } finally {
    await place.close();
  }
}

async function withoutLock(): Promise<number> {
  screen.say(`${WORK}, and no lock`);
  return conclude(await race(PLAN.limitMs.emulator));
}

/** Runs the race in a folder of its own, and on the screen. */
async function race(limitMs: number, lock?: LockAddress): Promise<RaceRecord> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`it was not done after ${limitMs / 1000} s`)), limitMs);
  const folder = await mkdtemp(join(tmpdir(), "azmutex-demo-"));
  try {
    const stop = AbortSignal.any([interruption.signal, limit.signal]);
    const race = new Race(folder, stop, (event) => screen.say(announce(event), `${secondsOf(race)}   `), lock);
    screen.follow(race);
    return await race.run();
  } finally {
    screen.unfollow();
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the verdict, and returns the exit status it comes to. */
function conclude(run: RaceRecord): number {
  if (interruption.signal.aborted) {
    screen.say("");
    screen.say("Interrupted. All workers are stopped; nothing was judged.");
    return interruption.signal.reason;
  }
  const findings = judge(run);
  screen.say("");
  for (const { kind, text } of findings) {
    const [colour, mark] = MARKS[kind];
    screen.say(text, `  ${screen.paint(colour, mark)} `);
  }
  return findings.some(({ kind }) => kind === "wrong") ? 1 : 0;
}

// Node would die of these at once, and leave the workers to find out.
process.once("SIGINT", () => interruption.abort(130));
process.once("SIGTERM", () => interruption.abort(143));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : error}\n`);
}
