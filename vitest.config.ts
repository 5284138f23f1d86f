import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Nothing is retried: a test that fails now and then has found something. */
const retry = 0;

/**
 * For whatever hangs, and for nothing else: a machine whose processors are taken by others is slow, and nothing is
 * wrong with that. How fast something has to be is said by each test, in terms of what the same machine does at the
 * same time.
 */
const hangs = { testTimeout: 600_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000 } } };

/** In each worker, before its tests. */
const setupFiles = ["test/support/keep-handles.ts"];

/**
 * For files that wait more than they compute: they share processes, and load packages once in each, but have our
 * modules for themselves.
 */
const shareProcesses = { isolate: false, setupFiles: ["test/support/own-modules.ts"] };

/** The package by its name, as users import it: here that means the sources. */
const sources = [
  ["", "index.ts"],
  ["/store", "store/index.ts"],
  ["/testing", "testing/index.ts"],
  ["/wake-ups", "waiting/wake-ups/adapters/index.ts"],
].map(([entry, file]) => ({
  find: new RegExp(`^azmutex${entry}$`),
  replacement: fileURLToPath(new URL(`src/${file}`, import.meta.url)),
}));

/**
 * In this order: first what mostly waits, for leases, for processes, for a page. What computes fills both cores at the
 * end, while the last of those still wait. The two files of `slow-browser` take a minute each.
 */
const ORDER = [
  "slow-browser",
  "slow",
  "servers",
  "process",
  "emulator",
  "browser",
  "project",
  "lab",
  "seeded",
  "unit-mocked",
  "unit",
];

/**
 * The files of a project follow each other: a worker goes on with the modules it has loaded only if the next file in
 * the row is of the same project.
 */
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ project }: TestSpecification): number => ORDER.indexOf(project.name);
    // Within a project the longest come first, as far as that is known.
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}

export default defineConfig({
  test: {
    // CI counts the tests from the second report, which TEST_REPORT names.
    reporters: process.env.CI
      ? ["default", ["json", { outputFile: process.env.TEST_REPORT ?? "temp/test-results.json" }]]
      : ["default"],
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
    // Two cores have time for more than two files: those with processes and an emulator wait for real leases.
    maxWorkers: 5,
    sequence: { sequencer: ByProject },
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
      // src/, room by room, without network and without sleeping. The files share their modules: to load them for each
      // would take as long as the tests.
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          exclude: ["**/*.mocked.test.ts"],
          setupFiles,
          ...hangs,
          retry,
          isolate: false,
        },
      },
      // Those that put other modules in the place of ours or of Node's.
      { test: { name: "unit-mocked", include: ["test/unit/**/*.mocked.test.ts"], setupFiles, ...hangs, retry } },
      // The library in thousands of runs, each by a seed that is told when it fails: an eighth of them with `npm test`,
      // the others with `npm run test:slow`, which leaves out what always runs the same.
      {
        resolve: { alias: sources },
        test: {
          name: "seeded",
          include: ["test/seeded/**/*.test.ts"],
          exclude: process.env.SEEDS === "rest" ? ["test/seeded/fuzz/**", "test/seeded/unlock.test.ts"] : [],
          setupFiles,
          ...hangs,
          testTimeout: 900_000 * Number(process.env.FUZZ_RUNS ?? 1),
          retry,
          isolate: false,
        },
      },
      // The laboratory.
      {
        resolve: { alias: sources },
        test: { name: "lab", include: ["test/lab/**/*.test.ts"], setupFiles, ...hangs, retry, isolate: false },
      },
      // Real leases of 15 seconds and more, against an emulator that the tests start.
      { test: { name: "emulator", include: ["test/emulator/**/*.test.ts"], ...shareProcesses, ...hangs, retry } },
      // Channels of wake-ups over servers that the tests start: redis-server, PostgreSQL, nats-server.
      { test: { name: "servers", include: ["test/servers/**/*.test.ts"], setupFiles, ...hangs, retry } },
      // Child processes that run the build in dist/.
      { test: { name: "process", include: ["test/process/**/*.test.ts"], ...shareProcesses, ...hangs, retry } },
      // The status page of the build in dist/, in a real browser.
      {
        test: {
          name: "browser",
          include: ["test/browser/*.test.ts"],
          ...shareProcesses,
          globalSetup: ["test/browser/support/find-chromium.ts"],
          ...hangs,
          retry,
        },
      },
      // Ratios of speeds, with `npm run test:slow`: after everything else and one file after the other, so that nothing
      // of ours competes for the cores.
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
      // What takes real minutes or asks the registry: `npm run test:slow`.
      {
        resolve: { alias: sources },
        test: {
          name: "slow",
          include: ["test/slow/**/*.test.ts"],
          exclude: ["test/slow/alone/**"],
          setupFiles,
          ...hangs,
          retry,
        },
      },
      {
        test: {
          name: "slow-browser",
          include: ["test/browser/slow/*.test.ts"],
          setupFiles,
          globalSetup: ["test/browser/support/find-chromium.ts"],
          ...hangs,
          retry,
        },
      },
      {
        test: {
          name: "slow-alone",
          include: ["test/slow/alone/*.test.ts"],
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
