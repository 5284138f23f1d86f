// A process that locks, and dies as it is told: `LOCKS_AT=<connection string> node locking-main.js <setup>`.
// Orders are lines of JSON on its standard input. What it reports are lines of JSON on its standard output, each in one
// synchronous write, so that it outlives the process.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { AzureMutex, type Lock, releaseOnExit, releaseOnSignals } from "azmutex";
import { now } from "../../shared/now.ts";
import { CONTAINER } from "../../shared/storage/storage.ts";
import type { Ending, Order, Report, Setup } from "./locking-process.ts";

const { LOCKS_AT: connectionString = "" } = process.env;
const { options, releases } = JSON.parse(process.argv[2] ?? "{}") as Setup;
const mutex = new AzureMutex({ connectionString, containerName: CONTAINER, ...options });
if (releases === "onExit") releaseOnExit(mutex);
const held = new Set<Lock>();
// Its work ends at once.
if (releases === "onSignals") releaseOnSignals(mutex).signal.addEventListener("abort", () => void unlock());

const report = (said: Report): void => void writeSync(1, `${JSON.stringify(said)}\n`);

async function lock(key: string): Promise<void> {
  held.add(await mutex.locker(key).lock());
  report({ kind: "holds", key, at: now() });
}

async function unlock(): Promise<void> {
  await Promise.all([...held].map((one) => one.release()));
  held.clear();
  report({ kind: "unlocked" });
}

function end(how: Ending): void {
  report({ kind: "ends", at: now() });
  if (how === "exits") process.exit(1);
  if (how === "throws") throw new Error("nothing catches this");
  // The natural end: nothing is left to do.
  process.stdin.destroy();
}

async function obey(order: Order): Promise<void> {
  if (order.kind === "lock") await Promise.all(order.keys.map(lock));
  else if (order.kind === "unlock") await unlock();
  // In a turn of its own: what is thrown here would reject a promise otherwise.
  else setImmediate(end, order.how);
}

createInterface({ input: process.stdin }).on("line", (line) => void obey(JSON.parse(line) as Order));
report({ kind: "ready" });
