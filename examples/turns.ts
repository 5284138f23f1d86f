// Workers of one machine that take turns: the one that is done tells the next, which need not poll.
//
//   npm run example -- turns                             three workers take turns, told and not told
//   node build/examples/turns.js <told|not> [turns.log]  one worker, for four turns
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, localWakeUps } from "azmutex";

const connectionString = process.env.AZURE_STORAGE_CONNECTION_STRING ?? "UseDevelopmentStorage=true";
const [told = "told", file = "turns.log"] = process.argv.slice(2);

const mutex = new AzureMutex({
  ...{ connectionString, containerName: "azmutex-examples" },
  // For workers of several machines: a channel over Redis, PostgreSQL or NATS, by azmutex/wake-ups.
  wakeUps: told === "told" ? localWakeUps() : undefined,
});
const locker = mutex.locker("turns", { fair: true });
let asked = 0;
locker.on("acquired", ({ attempts }) => (asked = attempts));

for (let turn = 1; turn <= 4; turn += 1) {
  await locker.run(async () => {
    note("begins");
    await sleep(200);
    note("ends");
  });
  console.log(`turn ${turn} is over, for which it asked ${asked} times`);
}

function note(event: "begins" | "ends"): void {
  appendFileSync(file, `${JSON.stringify({ event, at: performance.timeOrigin + performance.now() })}\n`);
}
