// Holds the public API of every entry against its report in docs/api/, or with --local writes the reports anew.
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const localBuild = process.argv.includes("--local");

for (const config of [
  "api-extractor.json",
  "api-extractor.node-cron.json",
  "api-extractor.store.json",
  "api-extractor.testing.json",
  "api-extractor.wake-ups.json",
]) {
  const file = fileURLToPath(new URL(`../${config}`, import.meta.url));
  const { succeeded } = Extractor.invoke(ExtractorConfig.loadFileAndPrepare(file), {
    localBuild,
    printApiReportDiff: !localBuild,
  });
  if (!succeeded) process.exitCode = 1;
}
