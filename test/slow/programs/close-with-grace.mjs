import { releaseOnSignals } from "azmutex";
import closeWithGrace from "close-with-grace";
import { closesInMs, mutex, sleep, workUntil } from "./holding.mjs";

closeWithGrace({ delay: 10_000 }, async () => {
  await sleep(closesInMs);
  console.log("closed");
});
await workUntil(releaseOnSignals(mutex).signal);
