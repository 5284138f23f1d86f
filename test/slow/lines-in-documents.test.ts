import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { callsIn, wholeLines } from "../support/calls.ts";
import { readDocuments } from "../support/documents.ts";
import { helpEndOf } from "../support/help-end-of.ts";
import { PROJECT } from "../support/sources.ts";
import { Workplace } from "../support/workplace.ts";

const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

/** Lines that stand in blocks which as a whole cannot be run, as they name an account. Each once. */
const ALL_LINES = readDocuments(PROJECT).flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language, executed }) => language === "sh" && !executed)
    .flatMap(({ code, line }) =>
      wholeLines(code).map((text, index) => ({
        where: `${path}:${line + index}`,
        text: text.trim().replace(/ +#.*$/, ""),
      })),
    )
    // What sudo does to an environment is tried in recipes-of-documents.test.ts.
    .filter(
      ({ text }) =>
        callsIn(text.replace("<(", ";")).some((call) => call.length > 0) &&
        !/npm install|^sudo |^mkdir (?!-p)/.test(text),
    ),
);
const LINES = ALL_LINES.filter(({ text }, index) => ALL_LINES.findIndex((other) => other.text === text) === index);

/** What the documents run under a lock, as programs that end at once; and those of others. */
const PROGRAMS = Object.fromEntries([
  ...["job", "crawl", "report", "schedule", "serve", "deploy", "daemon", "migrate"].map((name) => [
    `${name}.sh`,
    "exit 0",
  ]),
  ["daemon", "exit 0"],
  ["bin/psql", "exit 0"],
  ["bin/az", "exit 0"],
]);

/**
 * Those that end otherwise than with 0: nothing is held, no terminal is there to ask on, the doctor finds what the
 * emulator does otherwise than Azure, or they go on until they are stopped.
 */
const ENDS: readonly (readonly [line: RegExp, code: number])[] = [
  [/\bazmutex (?:elect|hold|watch|ui)\b|^azmutex leader .*--watch|^azmutex doctor .*--contract/, 124],
  [/^azmutex doctor\b/, 1],
  [/^(?:npx )?azmutex (?:break|once .*--forget)(?!.*--yes)/, 64],
  [/\| jq -er? \./, 1],
];

describe.concurrent("each line of a shell in the documents", () => {
  it.each(LINES)("runs: $where, $text", async ({ where, text }) => {
    await using place = new Workplace(PROGRAMS);
    mkdirSync(join(place.folder, ".config/fish/completions"), { recursive: true }); // as fish does
    const [, expected = 0] = ENDS.find(([line]) => line.test(text)) ?? [];
    const seconds = expected === 124 ? 4 : 60;
    // No two lines are in each other's way: a container and a port for each.
    const AZMUTEX_CONTAINER = where.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    const env = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString, AZMUTEX_CONTAINER, HOME: place.folder };
    const line = text.replace(/^azmutex ui(?!.*--port)/, "azmutex ui --port 0").replace(/&$/, "& wait");
    const { code, output } = await place.run(["timeout", String(seconds), "bash", "-c", line], env);
    expect(code, output).toBe(expected);
    if (expected !== 64) expect(output).not.toMatch(/^azmutex: (?:unknown|what to run|missing|internal)/m);
  });

  it("is one of many, with each example of the help of each command among them", async () => {
    expect(LINES.length).toBeGreaterThan(30);
    const shown = new Set(LINES.map(({ text }) => text));
    const { commands } = await createProgram();
    const examples = commands.flatMap((command) => helpEndOf(command).examples);
    expect(examples.length).toBeGreaterThanOrEqual(3 * commands.length);
    expect(examples.filter((example) => !shown.has(example))).toEqual([]);
  });
});
