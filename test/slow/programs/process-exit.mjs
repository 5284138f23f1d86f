import { releaseOnSignals } from "azmutex";
import { mutex, workUntil } from "./holding.mjs";

const { signal } = releaseOnSignals(mutex);
process.on("SIGTERM", () => process.exit(3));
process.on("SIGINT", () => {
  throw new Error("a handler that fails");
});
process.on("exit", (code) => console.log("closed", code));
await workUntil(signal);
