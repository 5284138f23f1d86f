import { releaseOnSignals } from "azmutex";
import { mutex, workUntil } from "./holding.mjs";

process.on("message", (message) => {
  if (message === "shutdown") process.emit("SIGINT", "SIGINT");
});
await workUntil(releaseOnSignals(mutex).signal);
