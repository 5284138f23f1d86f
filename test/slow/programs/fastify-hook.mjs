import Fastify from "fastify";
import { key, mutex } from "./holding.mjs";

const app = Fastify();
app.addHook("onClose", async () => {
  await mutex.close();
  console.log("closed");
});
process.once("SIGTERM", async (signal) => {
  await app.close();
  process.kill(process.pid, signal);
});
await app.listen({ port: 0, host: "127.0.0.1" });
setInterval(() => undefined, 1_000);
await mutex.locker(key).lock();
console.log("at work");
