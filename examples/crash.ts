// A worker that dies with the lock in its hands. The next one begins a second later, and not when a lease of 60 s has
// run out.
//
//   npm run example -- crash                           five workers, four of which end badly
//   node build/examples/crash.js <ending> [directory]  one worker, whose ending is exit, kill, container, hang or well
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, isMutexError, type Lock, releaseOnExit } from "azmutex";

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [ending = "well", stateDirectory] = process.argv.slice(2);

const mutex = new AzureMutex({
  ...{ connectionString, containerName: "azmutex-examples" },
  // A small process beside this one, which releases when this one is killed: SIGKILL, no memory left. It dies with a
  // container that is killed as a whole.
  guardian: ending !== "container",
  // For that: the next process that starts with this directory releases what this one held.
  stateDirectory,
});
// For an error that is not caught, `process.exit`, and an end while the lock is held.
releaseOnExit(mutex);
// For work that never ends.
const locker = mutex.locker("crash", { leaseSeconds: 60, maxHoldMs: 3_000 });

try {
  await locker.run(work);
} catch (error) {
  if (!isMutexError(error)) throw error;
  console.log(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}

async function work(lock: Lock): Promise<void> {
  console.log(`at work, with token ${lock.fencingToken}`);
  await sleep(1_000);
  if (ending === "exit") process.exit(1);
  if (ending === "kill" || ending === "container") process.kill(process.pid, "SIGKILL");
  if (ending === "hang") await sleep(3_600_000, undefined, { signal: lock.signal });
  console.log("done");
}
