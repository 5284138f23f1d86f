// Another process of the same runtime: holds a lock, waits in the fair queue, or ends by a signal.
import { AzureMutex, releaseOnSignals } from "azmutex";

const [role, key] = process.argv.slice(-2);
const mutex = new AzureMutex({
  connectionString: process.env.AZURE_STORAGE_CONNECTION_STRING,
  containerName: "matrix",
});
const fair = role === "fair";
const locker = mutex.locker(key, { leaseSeconds: 15, fair });

if (role === "hold") {
  await locker.lock();
  console.log("held");
  setInterval(() => undefined, 1_000);
} else if (fair) {
  console.log("asking");
  await locker.run(() => console.log(`got ${Date.now()}`));
} else if (role === "signal") {
  const shutdown = releaseOnSignals(mutex);
  await locker.run(async () => {
    console.log("held");
    const alive = setInterval(() => undefined, 1_000);
    await new Promise((resolve) => shutdown.signal.addEventListener("abort", resolve));
    clearInterval(alive);
  });
  console.log("released");
} else if (role === "exit") {
  const shutdown = releaseOnSignals(mutex);
  shutdown.signal.addEventListener("abort", () => setTimeout(() => process.exit(3), 50));
  await locker.lock();
  console.log("held");
  setInterval(() => undefined, 1_000);
  // Another listener decides when the process ends.
  process.on("SIGTERM", () => undefined);
  process.on("exit", (code) => console.log("exits with", code));
} else if (role === "end") {
  await locker.run(() => undefined);
  console.log("done");
} else throw new Error(`unknown role ${role}`);
