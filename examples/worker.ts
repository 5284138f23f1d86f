// A worker that is asked to end: it finishes the job at hand, lets go, and ends by the signal. The next worker goes on
// at once, and not when a lease of 30 s has run out.
//
//   npm run example -- worker                   three workers, two of them told to stop
//   node build/examples/worker.js [jobs.log]    one worker, until SIGTERM or Ctrl-C
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, type Lock, releaseOnSignals } from "azmutex";

const JOB_MS = 600;
const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [done = "jobs.log"] = process.argv.slice(2);

const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples" });
// In line: a worker that gives up takes its ticket with it.
const locker = mutex.locker("worker", { fair: true });

// Less than the 10 s after which `docker stop` kills.
await using shutdown = releaseOnSignals(mutex, { graceMs: 8_000 });
await locker.run(workOff, { signal: shutdown.signal });

async function workOff(lock: Lock): Promise<void> {
  for (let job = jobsDone() + 1; !shutdown.signal.aborted; job += 1) {
    lock.assertHeld();
    console.log(`job ${job} begins`);
    await sleep(JOB_MS); // stands for what is not to be interrupted
    lock.assertHeld();
    appendFileSync(done, `${JSON.stringify({ job, token: lock.fencingToken })}\n`);
    console.log(`job ${job} is done`);
  }
  console.log(`${shutdown.signal.reason.message}: letting go`);
}

function jobsDone(): number {
  return existsSync(done) ? readFileSync(done, "utf8").split("\n").length - 1 : 0;
}
