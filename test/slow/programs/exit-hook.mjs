import { releaseOnSignals } from "azmutex";
import { asyncExitHook } from "exit-hook";
import { closesInMs, mutex, sleep, workUntil } from "./holding.mjs";

asyncExitHook(() => sleep(closesInMs).then(() => console.log("closed")), { wait: 10_000 });
await workUntil(releaseOnSignals(mutex).signal);
