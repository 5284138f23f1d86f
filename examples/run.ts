// `npm run example -- <name>`: several processes of one of the examples, on a storage emulator of their own.
import { startEmulator } from "azmutex/testing";
import { carts } from "./show/carts.ts";
import { commands } from "./show/commands.ts";
import { config } from "./show/config.ts";
import { crash } from "./show/crash.ts";
import { crawler } from "./show/crawler.ts";
import { cron } from "./show/cron.ts";
import { fencedRow } from "./show/fenced-row.ts";
import { leader } from "./show/leader.ts";
import { migrationAtDeploy } from "./show/migration-at-deploy.ts";
import { nestSchedule } from "./show/nest-schedule.ts";
import { nightlyOnce } from "./show/nightly-once.ts";
import { orders } from "./show/orders.ts";
import { perform } from "./show/perform.ts";
import type { Show } from "./show/show.ts";
import { turns } from "./show/turns.ts";
import { worker } from "./show/worker.ts";

/** In the order of a tour: first steps, then by what azmutex can do. */
const TOUR: ReadonlyMap<string, Readonly<Record<string, Show>>> = new Map([
  ["First steps", { "migration-at-deploy": migrationAtDeploy, worker }],
  ["When a holder dies, hangs or is paused", { crash, "fenced-row": fencedRow }],
  ["Once, or one at a time, from many places", { "nightly-once": nightlyOnce, "nest-schedule": nestSchedule, orders }],
  ["One leads", { leader, cron }],
  ["Several locks, or several holders", { carts, config, crawler }],
  ["Waiting in line", { turns }],
  ["The command azmutex", { commands }],
]);
const SHOWS: ReadonlyMap<string, Show> = new Map([...TOUR.values()].flatMap((shows) => Object.entries(shows)));
/** A show that takes longer is stuck. A distant account may take its time. */
const LIMIT_MS = 180_000;

const USAGE = `Usage: npm run example -- <name>

A tour of azmutex, from top to bottom, after \`npm run demo\`. Each takes 5 to 20 s, and first says what to look for.
${[...TOUR]
  .map(([heading, shows]) => {
    const lines = Object.entries(shows).map(([name, { summary }]) => `  ${name.padEnd(21)}${summary}`);
    return `\n${heading}\n${lines.join("\n")}\n`;
  })
  .join("")}
With AZURE_STORAGE_CONNECTION_STRING set, the locks live in that account, in the container
azmutex-examples, instead of an emulator on this machine.
`;

/** Ctrl-C and its like; the reason is the exit status. */
const interruption = new AbortController();
for (const [name, status] of [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(name, () => interruption.abort(status));
}

async function main([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h") {
    process.stdout.write(USAGE);
    return 0;
  }
  const show = SHOWS.get(name);
  if (!show || rest.length > 0) {
    process.stderr.write(
      `${show ? `one example at a time, not ${rest.join(" ")} as well` : `there is no example ${name}`}\n\n${USAGE}`,
    );
    return 2;
  }
  const { AZURE_STORAGE_CONNECTION_STRING: account } = process.env;
  if (account) return await present(show, account);
  await using emulator = await startEmulator();
  return await present(show, emulator.connectionString);
}

/** Writes what came of it, and returns the exit status. */
async function present(show: Show, connectionString: string): Promise<number> {
  console.log(`What to look for: ${show.notice}.\n`);
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    const result = await perform(show, connectionString, AbortSignal.any([interruption.signal, limit]));
    console.log(`\n${result}`);
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) {
      console.log("\nInterrupted. All processes are stopped.");
      return interruption.signal.reason;
    }
    const why = error instanceof Error ? error.message : error;
    console.error(`\nThat went wrong: ${limit.aborted ? `it was not done after ${LIMIT_MS / 1_000} s` : why}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
