import { createServer } from "node:http";
import terminus from "@godaddy/terminus";
import { releaseOnSignals } from "azmutex";
import { closesInMs, mutex, sleep, workUntil } from "./holding.mjs";

const server = createServer().listen(0, "127.0.0.1");
terminus.createTerminus(server, {
  signals: ["SIGTERM", "SIGINT"],
  onSignal: async () => {
    await sleep(closesInMs);
    console.log("closed");
  },
});
await workUntil(releaseOnSignals(mutex).signal);
