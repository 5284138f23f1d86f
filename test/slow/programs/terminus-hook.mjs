import { createServer } from "node:http";
import terminus from "@godaddy/terminus";
import { key, mutex } from "./holding.mjs";

terminus.createTerminus(createServer().listen(0, "127.0.0.1"), {
  onSignal: async () => {
    await mutex.close();
    console.log("closed");
  },
});
setInterval(() => undefined, 1_000);
await mutex.locker(key).lock();
console.log("at work");
