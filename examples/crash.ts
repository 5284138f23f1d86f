// A worker that dies with the lock in its hands. The next one begins a second later, and not when a lease of 60 s has
// run out.
//
//   npm run example -- crash                four workers, three of which end badly
//   node build/examples/crash.js <ending>   one worker, whose ending is exit, kill, hang or well
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, isMutexError, type Lock, releaseOnExit } from "azmutex";

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [ending = "well"] = process.argv.slice(2);

// The guardian, a small process beside this one, releases when this one is killed: SIGKILL, no memory left.
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples", guardian: true });
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
  if (ending === "kill") process.kill(process.pid, "SIGKILL");
  if (ending === "hang") await sleep(3_600_000, undefined, { signal: lock.signal });
  console.log("done");
}
