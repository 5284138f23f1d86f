import type { AzureLogger } from "@azure/logger";
import { loadPackage } from "../../runtime/packages.ts";

type Level = "warning" | "info";

let logger: AzureLogger | undefined;
let loading: Promise<void> | undefined;
let isLoading = false;

/** Loads what the SDK logs through, unless it is. Never rejects: without the SDK there may be none. */
export function loadAzureLog(): Promise<void> {
  loading ??= load();
  return loading;
}

async function load(): Promise<void> {
  isLoading = true;
  try {
    const { createClientLogger } = await loadPackage("@azure/logger", () => import("@azure/logger"));
    logger = createClientLogger("azmutex");
  } catch {
    // Where the log cannot be loaded, no program takes its lines. The cause may have passed when the SDK is loaded the
    // next time.
    loading = undefined;
  }
  isLoading = false;
}

/** Whether lines of that level are wanted, or may turn out to be when the logger is loaded. */
export function azureLogTakes(level: Level): boolean {
  return logger ? logger[level].enabled : isLoading;
}

/** A line for users who set `AZURE_LOG_LEVEL`, or called `setLogLevel`. Never throws. */
export function azureLog(level: Level, message: string): void {
  if (!logger) return void loadAzureLog().then(() => logger && azureLog(level, message));
  try {
    logger[level](message);
  } catch {
    // There is nowhere to say so.
  }
}
