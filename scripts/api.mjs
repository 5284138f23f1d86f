// Holds the public API of every entry against its report in docs/api/, or with --local writes the reports anew.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const extractor = fileURLToPath(new URL("../node_modules/@microsoft/api-extractor/bin/api-extractor", import.meta.url));
const mode = process.argv.includes("--local") ? "--local" : "--print-api-report-diff";

for (const config of [
  "api-extractor.json",
  "api-extractor.node-cron.json",
  "api-extractor.store.json",
  "api-extractor.testing.json",
  "api-extractor.wake-ups.json",
]) {
  const { status } = spawnSync(process.execPath, [extractor, "run", mode, "--config", config], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
