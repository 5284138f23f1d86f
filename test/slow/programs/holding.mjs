// What the programs of this folder have in common: a mutex, and work under a lock that goes on for a while after the
// signal.
import { AzureMutex } from "azmutex";

export const mutex = new AzureMutex({
  connectionString: process.env.STORAGE,
  containerName: "locks",
  log: (line) => console.log("log:", line),
});
export const key = process.env.KEY;
export const closesInMs = Number(process.env.CLOSES_IN_MS ?? 0);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Works until so long after the signal. Something else keeps the process, a connection pool say. */
export async function workUntil(signal, endsInMs = Number(process.env.WORK_ENDS_IN_MS ?? 0)) {
  setInterval(() => undefined, 1_000);
  await mutex.locker(key).run(
    async (lock) => {
      console.log("at work");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await sleep(endsInMs);
      console.log("work done, alone:", lock.isHeld);
    },
    { signal },
  );
  console.log("released");
}
