// One worker: adds one to a number in a file, a hundred times, while four other processes do the same.
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, type Lock, Locker } from "azmutex";
import { Counter } from "../../lab/shared/race/counter.ts";
import { Journal, now } from "../../lab/shared/race/journal.ts";
import type { LockAddress } from "./messages.ts";
import { between, PLAN } from "./plan.ts";
import { finish, receiveJob, report, startTogether } from "./worker-line.ts";

const job = await receiveJob();
const counter = new Counter(job.folder);
const journal = new Journal(job.folder);
const locker = job.lock && (await connect(job.lock));

await startTogether();
for (let done = 0; done < job.increments; done++) {
  report({ kind: "resting" });
  await sleep(between(PLAN.restMs));

  report({ kind: "waiting" });
  const askedAt = now();
  if (locker) await locker.run((lock) => increment(done, askedAt, lock));
  else await increment(done, askedAt);
}
finish();

/** Reads the number, waits, writes it plus one. Whatever another writes in between is lost. */
async function increment(done: number, askedAt: number, lock?: Lock): Promise<void> {
  const token = lock?.fencingToken;
  journal.append({ kind: "enter", worker: job.name, at: now(), askedAt, token });
  const count = await counter.read();
  const fatal = done === job.fatalIncrement;
  report({ kind: "holding", token, fatal });

  // If the lock is lost, the signal ends the wait, and assertHeld() keeps us from writing.
  await sleep(fatal ? PLAN.fatalWorkMs : between(PLAN.workMs), undefined, lock && { signal: lock.signal });
  lock?.assertHeld();

  await counter.write(count + 1);
  journal.append({ kind: "leave", worker: job.name, at: now(), read: count });
}

async function connect({ key, ...account }: LockAddress): Promise<Locker> {
  const mutex = new AzureMutex(account);
  // Loads the SDK and opens a connection, so that none starts ahead of the others.
  await mutex.inspect(key);
  return new Locker(mutex, key, { leaseSeconds: PLAN.leaseSeconds });
}
