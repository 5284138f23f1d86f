// `npm run interop`: the published go-azuremutex and azmutex on one Azurite, under the same keys.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seconds } from "../shared/duration.ts";
import { buildGoProgram } from "../shared/go-peer/go-program.ts";
import { runProgram } from "../shared/program.ts";
import { brokenAtOnce, brokenInTime } from "./breaking.ts";
import { Place } from "./place.ts";
import { type RacePlan, race } from "./race.ts";
import { type Service, startService } from "./service.ts";
import { goWaitsForUs, keysOfBothSides, weWaitForGo } from "./sight.ts";
import { killedGo, killedOurs } from "./takeover.ts";
import { tokensAcrossGo } from "./tokens.ts";
import { Verdict } from "./verdict.ts";

const PASSED = 0;
const FAILED = 1;
const USAGE_ERROR = 64;

const CROWD: RacePlan = {
  name: "crowd",
  go: 5,
  ours: 5,
  fair: false,
  goLocks: 2,
  goIncrements: 4,
  ourIncrements: 40,
  fewestCrossings: 6,
};
/** Go gets in only when the queue runs empty, which it need not do before the end. */
const QUEUE: RacePlan = { name: "queue", go: 2, ours: 3, fair: true, goLocks: 2, goIncrements: 4, ourIncrements: 20 };

/** Nothing here takes longer, but what waits for something that does not come. */
const LIMIT_MS = 240_000;

type Scenario = (place: Place, verdict: Verdict) => Promise<void>;

/** All at the same time, each under keys of its own: most of them wait for leases to run out. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  crowd: (place, verdict) => race(place, verdict, CROWD),
  queue: (place, verdict) => race(place, verdict, QUEUE),
  keysOfBothSides,
  goWaitsForUs,
  weWaitForGo,
  killedGo,
  killedOurs,
  tokensAcrossGo,
  brokenAtOnce,
  brokenInTime,
};

const USAGE = `Usage: npm run interop [-- --only <text>] [-- --apart]

  --only <text>   only the scenarios with this in their names: ${Object.keys(SCENARIOS).join(", ")}
  --apart         Go locks under other keys than we do, so that the checks have something to find

Needs Go 1.24 or newer, and the port 10000. Ends with 0 if all is as it should be, with 1 if not, and with 2
if it could not run.
`;

type Request = NonNullable<ReturnType<typeof requested>>;

function requested(args: string[]) {
  const { values } = parseArgs({
    args,
    options: { only: { type: "string", default: "" }, apart: { type: "boolean", default: false } },
  });
  return Object.keys(SCENARIOS).some((name) => name.includes(values.only)) ? values : undefined;
}

async function judge(place: Place, verdict: Verdict, only: string): Promise<void> {
  const stopped = new Promise<never>((_, reject) =>
    place.stop.addEventListener("abort", () => reject(place.stop.reason)),
  );
  const wanted = Object.entries(SCENARIOS).filter(([name]) => name.includes(only));
  const judged = wanted.map(async ([name, scenario]) => {
    try {
      await Promise.race([scenario(place, verdict), stopped]);
    } catch (error) {
      verdict.check(name, false, error instanceof Error ? error.message : String(error));
    }
  });
  await Promise.all(judged);
}

/** Runs all scenarios at once. Processes that still wait or hold at the end are stopped. */
async function compare(folder: string, { only, apart }: Request): Promise<number> {
  const end = new AbortController();
  process.once("SIGINT", () => end.abort(new Error("interrupted")));
  process.once("SIGTERM", () => end.abort(new Error("interrupted")));
  const { file, moduleVersion, goVersion } = buildGoProgram(folder);
  const place = new Place({ goProgram: file, folder, goSuffix: apart ? "-apart" : "", stop: end.signal });
  const limit = setTimeout(() => end.abort(new Error(`not done after ${seconds(LIMIT_MS)}`)), LIMIT_MS);
  try {
    const began = performance.now();
    const verdict = new Verdict();
    process.stdout.write(`go-azuremutex ${moduleVersion} (${goVersion}) and azmutex, on one Azurite\n`);
    await judge(place, verdict, only);
    const what = `${verdict.checked} checks with Go in ${seconds(performance.now() - began)}`;
    process.stderr.write(
      verdict.failed === 0 ? `${what}: all as they should be.\n` : `${what}: ${verdict.failed} failed.\n`,
    );
    return verdict.failed === 0 ? PASSED : FAILED;
  } finally {
    clearTimeout(limit);
    end.abort(new Error("over"));
    await place.close();
  }
}

async function run(request: Request): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "azmutex-interop-"));
  let service: Service | undefined;
  try {
    // Before Go compiles for a while: the port may be taken.
    service = await startService();
    return await compare(folder, request);
  } finally {
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await runProgram({ usage: USAGE, requested, run, wrongOptions: USAGE_ERROR });
} catch (error) {
  process.exitCode = FAILED;
  process.stderr.write(`The suite failed: ${error instanceof Error ? error.message : error}\n`);
}
