// A replica that asks for each of so many slots, one a second, until it is over. At the beginning of each attempt it
// tells its parent, which lets it go on or kills it. Arguments: container, file for the log, number of slots.
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, Once } from "azmutex";

const [containerName, log, slots] = process.argv.slice(2);
const SECOND_MS = 1_000;
/** Between two questions while another replica runs the slot. */
const ASK_EVERY_MS = 500;

process.once("disconnect", () => process.exit(1));
const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING;
const mutex = new AzureMutex({ connectionString, containerName });
const job = new Once(mutex, "job", { leaseSeconds: 15 });

process.send("ready");
const [first] = await once(process, "message");
for (let at = 0; at < Number(slots); at += 1) await untilOver(at);
await mutex.close();
process.removeAllListeners("disconnect");
process.disconnect();

async function untilOver(at) {
  const slot = new Date(first + at * SECOND_MS);
  for (;;) {
    const outcome = await outcomeOf(slot, at);
    if (outcome === "ran" || outcome === "alreadyDone") return;
    if (outcome !== "running") throw new Error(`slot ${at}: ${outcome}`);
    await sleep(ASK_EVERY_MS);
  }
}

/** On a busy machine the emulator may take longer to answer than a request may: that is asked again, too. */
async function outcomeOf(slot, at) {
  try {
    return (await job.run(slot, (_, { attempt }) => work(at, attempt))).outcome;
  } catch (error) {
    if (error.code !== "STORE_UNAVAILABLE") throw error;
    return "running";
  }
}

async function work(at, attempt) {
  appendFileSync(log, `begins ${at} ${attempt}\n`);
  const goOn = once(process, "message");
  process.send({ at, attempt });
  await goOn;
  appendFileSync(log, `done ${at} ${attempt}\n`);
}
