// A process that locks with azmutex.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex } from "azmutex";
import { Counter } from "../shared/race/counter.ts";
import { Journal, now } from "../shared/race/journal.ts";
import type { OurJob, OurRace, OurReport } from "./our-job.ts";

const [containerName = ""] = process.argv.slice(2);
const mutex = new AzureMutex({ useStorageEmulator: true, containerName });

// The suite is gone, which says when to end.
process.once("disconnect", () => process.exit());

const job = (await told()) as OurJob;
if (job.kind === "hold") await hold(job.key, job.leaseSeconds);
else await race(job.key, job.race);

async function hold(key: string, leaseSeconds: number): Promise<void> {
  const lock = await mutex.locker(key, { leaseSeconds }).lock();
  // A listener keeps it for the life of the process.
  lock.signal.addEventListener("abort", () => undefined);
  report({ kind: "holding" });
}

async function race(key: string, { worker, folder, increments, fair, restMs, workMs }: OurRace): Promise<void> {
  const counter = new Counter(folder);
  const journal = new Journal(folder);
  const locker = mutex.locker(key, { fair });
  // Loads the SDK and opens a connection, so that none starts ahead of the others.
  await mutex.inspect(key);
  report({ kind: "ready" });
  await told();
  for (let done = 0; done < increments; done += 1) {
    await sleep(Math.random() * restMs);
    const askedAt = now();
    await locker.run(async (lock) => {
      journal.append({ kind: "enter", worker, at: now(), askedAt, token: lock.fencingToken });
      const read = await counter.read();
      await sleep(Math.random() * workMs);
      lock.assertHeld();
      await counter.write(read + 1);
      journal.append({ kind: "leave", worker, at: now(), read });
    });
  }
  report({ kind: "finished" });
  process.disconnect();
}

function report(what: OurReport): void {
  process.send?.(what);
}

async function told(): Promise<unknown> {
  const [message] = await once(process, "message");
  return message;
}
