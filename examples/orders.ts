// A consumer of a queue that delivers some messages twice: `exclusive` makes the handler run alone for each order, in
// all processes. A message whose order another consumer has at hand is put back. `limited` lets two of them pay at
// once, the most that the bank takes.
//
//   npm run example -- orders                          three consumers, each of which is given the same three orders
//   node build/examples/orders.js <folder> <order> …   one consumer; what it books is in the folder
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, exclusive, limited } from "azmutex";

const REDELIVER_AFTER_MS = 500;
const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [folder = ".", ...orders] = process.argv.slice(2);
const mutex = new AzureMutex({ connectionString, containerName: "azmutex-examples" });

const pay = limited(
  async (permit, order: string) => {
    console.log(`order ${order}: paying, with permit ${permit.slot}`);
    await sleep(500, undefined, { signal: permit.signal }); // stands for a slow bank
  },
  { mutex, key: "bank", permits: 2, leaseSeconds: 15 }, // the others wait
);

const book = exclusive(
  async (lock, order: string) => {
    // The lock makes it one at a time, and this makes it once.
    if (existsSync(join(folder, order))) return "booked before";
    await pay(order);
    lock.assertHeld();
    await writeFile(join(folder, order), `token ${lock.fencingToken}`, { flag: "wx" });
    return "booked";
  },
  { mutex, key: (order) => `order/${order}`, leaseSeconds: 15, busy: (order) => putBack(order) },
);

await Promise.all(orders.map(consume));

/** Stands for the queue: a message that is put back comes again. */
async function consume(order: string): Promise<void> {
  const outcome = await book(order);
  if (outcome === undefined) return await sleep(REDELIVER_AFTER_MS).then(() => consume(order));
  console.log(`order ${order}: ${outcome}`);
}

function putBack(order: string): undefined {
  console.log(`order ${order}: put back`);
}
