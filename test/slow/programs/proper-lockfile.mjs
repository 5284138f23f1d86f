// Its signal-exit is of version 3. With one of version 4 beside it, each counts the other.
import { releaseOnSignals } from "azmutex";
import "proper-lockfile";
import { onExit } from "signal-exit";
import { mutex, workUntil } from "./holding.mjs";

if (process.env.BOTH) onExit((code, signal) => console.log("closed", code, signal));
await workUntil(releaseOnSignals(mutex).signal);
