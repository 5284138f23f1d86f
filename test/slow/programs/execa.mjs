import { releaseOnSignals } from "azmutex";
import { execa } from "execa";
import { mutex, workUntil } from "./holding.mjs";

// It keeps the output of this program open until it has ended.
execa("sleep", ["600"], { stdio: "inherit" }).catch(() => undefined);
await workUntil(releaseOnSignals(mutex).signal);
