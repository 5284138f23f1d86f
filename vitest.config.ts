import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Nothing is retried: a test that fails now and then has found something. */
const retry = 0;

/**
 * For whatever hangs, and for nothing else: a machine whose processors are taken by others is slow, and nothing is
 * wrong with that. How fast something has to be is said by each test, in terms of what the same machine does at the
 * same time.
 */
const hangs = { testTimeout: 600_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000 } } };

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
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "html"],
      reportsDirectory: "coverage",
      // Other rooms are covered by the emulator and process tests.
      thresholds: Object.fromEntries(
        ["src/lease/**", "src/waiting/**", "src/recipes/**", "src/locks/azure-mutex.ts", "src/locks/locker.ts"].map(
          (room) => [room, { lines: 95, branches: 95 }],
        ),
      ),
    },
    projects: [
      // src/, room by room, without network and without sleeping.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...hangs, retry } },
      // The library on the store in memory, in thousands of runs whose seeds are told when one fails.
      { test: { name: "seeded", include: ["test/seeded/**/*.test.ts"], ...hangs, testTimeout: 900_000, retry } },
      // The laboratory, the simulation of the whole library among it.
      {
        // Its programs import the package by its name, as users do; here that means the sources.
        resolve: {
          alias: [
            { find: /^azmutex$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
            { find: /^azmutex\/store$/, replacement: fileURLToPath(new URL("src/store/index.ts", import.meta.url)) },
            {
              find: /^azmutex\/testing$/,
              replacement: fileURLToPath(new URL("src/testing/index.ts", import.meta.url)),
            },
          ],
        },
        test: { name: "lab", include: ["test/lab/**/*.test.ts"], ...hangs, testTimeout: 900_000, retry },
      },
      // Real leases of 15 seconds and more, against an emulator that the tests start.
      { test: { name: "emulator", include: ["test/emulator/**/*.test.ts"], ...hangs, retry } },
      // Child processes that run the build in dist/.
      { test: { name: "process", include: ["test/process/**/*.test.ts"], ...hangs, retry } },
      // The status page of the build in dist/, in a real browser.
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: ["test/browser/support/find-chromium.ts"],
          ...hangs,
          retry,
        },
      },
      // Ratios of speeds: after everything else and one file after the other, so that nothing of ours competes for the
      // cores.
      {
        test: {
          name: "measured",
          include: ["test/measured/**/*.test.ts"],
          ...hangs,
          retry,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      // What the documents promise.
      { test: { name: "project", include: ["test/project/**/*.test.ts"], ...hangs, retry } },
    ],
  },
});
