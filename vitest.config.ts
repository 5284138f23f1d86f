import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Nothing is retried: a test that fails now and then has found something. */
const retry = 0;

export default defineConfig({
  test: {
    // CI counts the tests from the second report.
    reporters: process.env.CI ? ["default", ["json", { outputFile: "temp/test-results.json" }]] : ["default"],
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
    // The emulator and process suites mostly wait for real leases, so more of them fit than there are cores.
    maxWorkers: 3,
    // Milliseconds from which a test is listed by name.
    slowTestThreshold: 5_000,
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text", "html"], reportsDirectory: "coverage" },
    projects: [
      // No network, no sleeping: a few run thousands of rounds and take seconds, more on a busy machine.
      {
        // The simulator imports the package by its name, as programs do; here that means the sources.
        resolve: {
          alias: [
            { find: /^azmutex$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
            { find: /^azmutex\/testing$/, replacement: fileURLToPath(new URL("src/testing/index.ts", import.meta.url)) },
          ],
        },
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000, retry },
      },
      // Real leases of 15 seconds and more, against an emulator that the tests start.
      { test: { name: "emulator", include: ["test/emulator/**/*.test.ts"], testTimeout: 90_000, hookTimeout: 60_000, retry } },
      // Child processes that run the build in dist/.
      { test: { name: "process", include: ["test/process/**/*.test.ts"], testTimeout: 90_000, hookTimeout: 60_000, retry } },
      // Ratios of speeds: after everything else, so that nothing else of ours competes for the cores.
      {
        test: {
          name: "measured",
          include: ["test/measured/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          retry,
          sequence: { groupOrder: 1 },
        },
      },
      // What the documents promise.
      { test: { name: "project", include: ["test/project/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000, retry } },
    ],
  },
});
