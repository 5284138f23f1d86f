// Two shopping carts become one when their owner signs in. Each cart is a blob, and its name is the key of its lock:
// `lockAll` takes both locks or none, in one order for all processes, so that no two wait for each other in a circle.
// With `lock.conditions` Azure itself refuses the write of a process that has lost its lock without knowing.
//
//   npm run example -- carts                     three merges in a circle, then one whose lock is taken away
//   node build/examples/carts.js <from> <into>   one merge, in the container azmutex-examples
//
// WORK_MS says how long it works between reading and writing. A new cart has one item, which has the cart's name.
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerClient } from "@azure/storage-blob";
import { AzureMutex, isMutexError, type Lock, lockAll } from "azmutex";

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [from = "cart/guest", into = "cart/anna"] = process.argv.slice(2);

const container = new ContainerClient(connectionString, "azmutex-examples");
const mutex = new AzureMutex({ containerClient: container });
// An upload replaces the metadata of a blob, where the record of the holder and its token would be.
const both = lockAll(mutex, [from, into], { leaseSeconds: 15, fencing: false });

try {
  await both.run(async (set) => {
    const [added, present] = await Promise.all([read(from), read(into)]);
    console.log(`both are locked: ${from} has ${added.join(", ") || "nothing"}`);
    await sleep(Number(process.env.WORK_MS ?? 200));
    const items = [...new Set([...present, ...added])].sort();
    // In this order: a process that dies in between leaves items in both carts, and loses none.
    await write(into, items, set.locks.get(into));
    await write(from, [], set.locks.get(from));
    console.log(`${into} has ${items.join(", ")}`);
  });
} catch (error) {
  process.exitCode = 1;
  // Once the loss is known, the refusal of the write is the `workError`.
  const why = isMutexError(error) && error.code === "LOCK_LOST" ? (error.workError ?? error) : error;
  const { statusCode, code, message } = why as Error & { readonly statusCode?: number; readonly code?: string };
  console.error(statusCode === 412 ? `Azure refused the write: ${statusCode} ${code}` : message);
}

async function read(cart: string): Promise<string[]> {
  const text = (await container.getBlobClient(cart).downloadToBuffer()).toString();
  return text === "" ? [cart.replace("cart/", "")] : JSON.parse(text);
}

async function write(cart: string, items: readonly string[], lock: Lock | undefined): Promise<void> {
  const text = JSON.stringify(items);
  await container
    .getBlockBlobClient(cart)
    .upload(text, Buffer.byteLength(text), { conditions: { ...lock?.conditions } });
}
