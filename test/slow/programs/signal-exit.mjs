import { releaseOnSignals } from "azmutex";
import { onExit } from "signal-exit";
import { mutex, workUntil } from "./holding.mjs";

onExit((code, signal) => console.log("closed", code, signal));
await workUntil(releaseOnSignals(mutex).signal);
