// Prints "N passed, N failed[, N skipped]" from vitest's JSON reports, and before that each test that failed, with the
// first line of why. A file that could not run counts as a failure, and so does a missing report.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const counts = { passed: 0, failed: 0, skipped: 0 };
const failed = (what, why = "it said nothing") => {
  counts.failed += 1;
  console.log(`FAILED  ${what}: ${why.split("\n", 1)[0]}`);
};

for (const report of process.argv.slice(2)) {
  if (!existsSync(report)) {
    failed(report, "there is no such report");
    continue;
  }
  for (const { name, status, message, assertionResults } of JSON.parse(readFileSync(report, "utf8")).testResults) {
    const file = relative(process.cwd(), name);
    for (const { status: outcome, fullName, failureMessages } of assertionResults) {
      if (outcome === "failed") failed(`${file}: ${fullName}`, failureMessages[0]);
      else counts[outcome === "passed" ? "passed" : "skipped"] += 1;
    }
    if (status === "failed" && !assertionResults.some(({ status: outcome }) => outcome === "failed"))
      failed(file, message);
  }
}
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
