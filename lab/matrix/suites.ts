import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./consumer.ts";

/**
 * The unit tests of the protocol and of what users hold. The others test the command's texts, the page and the
 * laboratory.
 */
const HEART = [
  "time/root-context",
  "locks/azure-mutex",
  "store/azure/blob-lease-store",
  "time/clock",
  "store/azure/connect",
  "waiting/fair-queue",
  "lease/fencing",
  "waiting/hand-over",
  "locks/locker",
  "lease/loss",
  "lease/lost-answers",
  "testing/memory/",
  "store/azure/ready-client",
  "locks/release-all",
  "lease/renewal-turns",
  "locks/shutdown",
  "telemetry/telemetry",
  "store/azure/token-source",
  "waiting/wait-limit",
  "recipes/",
].map((name) => `test/unit/${name}`);

const SUITES: Readonly<Record<string, readonly string[]>> = {
  "the unit tests of the protocol and of what users hold": ["--project", "unit", ...HEART],
  "the emulator suite": ["--project", "emulator"],
};

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** Runs this project's own suites, on the sources, under another Node. */
export function runSuites(project: string, node: string, folder: string): Outcome[] {
  return Object.entries(SUITES).map(([name, args], index) => {
    const began = performance.now();
    const report = join(folder, `suite-${index}.json`);
    const runner = join(project, "node_modules/vitest/vitest.mjs");
    const { status, stderr } = spawnSync(node, [runner, "run", ...args, "--reporter=json", `--outputFile=${report}`], {
      cwd: project,
      encoding: "utf8",
      // The workers are started by this Node, too.
      env: { ...process.env, NO_COLOR: "1" },
    });
    const why = status === 0 ? undefined : failureIn(report, stderr);
    return { name, ...(why !== undefined && { why }), ms: Math.round(performance.now() - began) };
  });
}

function failureIn(file: string, stderr: string): string {
  try {
    const { numFailedTests, testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
    const failed = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .find((one) => one.status === "failed");
    return `${numFailedTests} tests failed, the first: ${failed?.fullName ?? "none by name"}`;
  } catch {
    return stderr.split("\n").find((line) => line.trim() !== "") ?? "no report";
  }
}
