// Azurite in a process of its own, which can be killed.
import { startEmulator } from "azmutex/testing";
import { AZURITE_ACCOUNTS } from "./accounts.ts";

process.env.AZURITE_ACCOUNTS = AZURITE_ACCOUNTS;
const emulator = await startEmulator();
// The process that measures is gone.
process.on("disconnect", () => process.exit());
process.send?.(emulator.port);
