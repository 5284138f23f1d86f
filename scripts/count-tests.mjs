// Prints "N passed, N failed[, N skipped]" from vitest's JSON reports.
// A file that could not run counts as a failure, and so does a missing report.
import { existsSync, readFileSync } from "node:fs";

const files = process.argv
  .slice(2)
  .flatMap((report) =>
    existsSync(report)
      ? JSON.parse(readFileSync(report, "utf8")).testResults
      : [{ status: "failed", assertionResults: [] }],
  );

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const { status: file, assertionResults } of files) {
  for (const { status } of assertionResults)
    counts[status === "passed" || status === "failed" ? status : "skipped"] += 1;
  if (file === "failed" && !assertionResults.some(({ status }) => status === "failed")) counts.failed += 1;
}
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`,
);
