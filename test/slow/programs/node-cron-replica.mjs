// A replica whose clock is off by so many milliseconds: it runs a job of a second every five seconds, unless another
// replica does. Arguments: container, milliseconds.
import { setTimeout as sleep } from "node:timers/promises";

const [container, offMs = "0"] = process.argv.slice(2);
const Machine = globalThis.Date;
globalThis.Date = class extends Machine {
  constructor(...given) {
    if (given.length === 0) super(Machine.now() + Number(offMs));
    else super(...given);
  }

  static now() {
    return Machine.now() + Number(offMs);
  }
};

const { AzureMutex } = await import("azmutex");
const { OnceRunCoordinator } = await import("azmutex/node-cron");
const { schedule } = await import("node-cron");

const mutex = new AzureMutex({
  connectionString: process.env.AZURE_STORAGE_CONNECTION_STRING,
  containerName: container,
});
const say = (what, date) => process.stdout.write(`${what} ${date.toISOString()}\n`);

schedule(
  "*/5 * * * * *",
  async ({ date }) => {
    say("begins", date);
    await sleep(1_000);
    say("ends", date);
  },
  { name: "job", distributed: true, runCoordinator: new OnceRunCoordinator(mutex), timezone: "Etc/UTC" },
);
process.stdout.write("ready\n");
