// A nightly report, started by the cron of every replica: whichever asks first runs it, the others are told that it
// runs or that it is done. Also where their clocks differ, and where a replica asks when all is over.
//
//   npm run example -- nightly-once                            three replicas and one that comes late, for two nights
//   node build/examples/nightly-once.js <night> [reports.log]  one replica, for a night such as 2026-11-30
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, type Lock, Once } from "azmutex";

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [night = new Date().toISOString().slice(0, 10), reports = "reports.log"] = process.argv.slice(2);

// With the guardian, a small process, a replica that is killed gives the lock back at once.
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples", guardian: true });
// With "wait" a replica also takes over when the one that runs it dies.
const nightly = new Once(mutex, "nightly-once", { leaseSeconds: 15, whileRunning: "wait" });

const result = await nightly.run(night, (lock, { attempt }) => report(lock, attempt));
if (result.outcome === "ran") console.log(`${night}: ran, and wrote ${result.value} pages`);
else console.log(`${night}: ${result.outcome}`);

/** Stands for the job. */
async function report(lock: Lock, attempt: number): Promise<number> {
  console.log(`${night}: attempt ${attempt} begins`);
  await sleep(1_000, undefined, { signal: lock.signal });
  lock.assertHeld();
  appendFileSync(reports, `${night}\n`);
  return 4;
}
