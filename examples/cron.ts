// A schedule of node-cron among several replicas: it runs where an election is won, and only there. A job that runs
// when the process is asked to end is told so, and has ended before another replica can start one.
//
//   npm run example -- cron                   three replicas with a job a second; the one that leads is told to stop
//   node build/examples/cron.js [runs.log]    one replica, until SIGTERM or Ctrl-C; SCHEDULE says when. Default: at
//                                             3 o'clock
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, LeaderElection, releaseOnSignals } from "azmutex";
import { schedule } from "node-cron";

const {
  AZURE_STORAGE_CONNECTION_STRING,
  SCHEDULE = "0 3 * * *",
  REPLICA = `${hostname()}:${process.pid}`,
} = process.env;
const connectionString = AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [runs = "runs.log"] = process.argv.slice(2);

const mutex = new AzureMutex({
  connectionString,
  containerName: "azmutex-examples",
  log: (line) => console.error(line),
});
const election = new LeaderElection(mutex, "cron", { candidate: REPLICA });

await using shutdown = releaseOnSignals(mutex);
await election.run(
  async (leadership) => {
    let running: Promise<void> = Promise.resolve();
    const nightly = async (): Promise<void> => {
      leadership.assertHeld(); // by the clock: a timer may fire late, after a pause
      running = report(leadership.term, leadership.signal);
      await running;
    };
    const task = schedule(SCHEDULE, nightly, { noOverlap: true, timezone: "Etc/UTC" });
    console.log(`leading in term ${leadership.term}`);
    try {
      if (!leadership.signal.aborted) await once(leadership.signal, "abort");
    } finally {
      await task.stop(); // no job starts any more
      // and the one that runs has ended, before leadership is given up
      await running.catch(() => undefined);
    }
  },
  { signal: shutdown.signal, onError: (error) => console.error("cron:", error) },
);

/** Stands for the job: four pages, each of which is finished once it was begun. */
async function report(term: number, signal: AbortSignal): Promise<void> {
  note("begins", term);
  for (let page = 1; page <= 4 && !signal.aborted; page += 1) await sleep(200);
  note("ends", term);
}

function note(what: string, term: number): void {
  appendFileSync(runs, `${JSON.stringify({ what, term, replica: REPLICA })}\n`);
}
