import { wrapped } from "../shared/wrapped.ts";
import type { Outcome } from "./consumer.ts";

/** What was found on one runtime. */
export interface Column {
  readonly runtime: string;
  /** The day, as in 2026-11-30. */
  readonly triedOn: string;
  readonly runtimeVersion: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The checks, by the title of their table. */
  readonly rows: Readonly<Record<string, readonly Outcome[]>>;
}

/** Why a check fails on a runtime: each was looked into. By the runtime and the check. */
const REASONS: ReadonlyMap<string, string> = new Map<string, string>([]);

/** Failures without a reason, and reasons without a failure. */
export function unexplained(columns: readonly Column[], tools: readonly Outcome[]): string[] {
  const failed = withTools(columns, tools).flatMap(({ runtime, rows }) =>
    Object.values(rows)
      .flat()
      .filter(({ why }) => why !== undefined)
      .map(({ name, why }) => ({ cell: `${runtime}: ${name}`, why })),
  );
  const ran = new Set(withTools(columns, tools).map(({ runtime }) => runtime));
  const cells = new Set(failed.map(({ cell }) => cell));
  return [
    ...failed.filter(({ cell }) => !REASONS.has(cell)).map(({ cell, why }) => `no reason is known for ${cell}: ${why}`),
    ...[...REASONS.keys()]
      .filter((cell) => ran.has(cell.split(": ")[0] ?? "") && !cells.has(cell))
      .map((cell) => `works now: ${cell}`),
  ];
}

/** The page of all runtimes. */
export function runtimesDocument(columns: readonly Column[], tools: readonly Outcome[]): string {
  const titles = [...new Set(columns.flatMap(({ rows }) => Object.keys(rows)))];
  return [
    "# Runtimes\n",
    "`npm run matrix` makes this page. It installs each runtime from the npm registry, and into a fresh",
    "folder the package as it would be published, the SDK and Azurite; then it runs each check below",
    "under that runtime, with real leases. A part of it can be run by itself. ✓ is a check that passed,",
    "– one that the last run of that runtime did not have. Each ✗ has its reason below the tables.\n",
    table(["", ...columns.map(({ runtime }) => runtime)], versionRows(columns)),
    ...titles.flatMap((title) => [
      `\n## ${title}\n`,
      table(["", ...columns.map(({ runtime }) => runtime)], checkRows(columns, title)),
    ]),
    "\n## Compilers, test runners, bundlers, package managers\n",
    `On Node ${process.versions.node}. Each locks once in memory and once in an emulator, so the SDK is`,
    "loaded on first use.\n",
    table(
      ["", ""],
      tools.map(({ name, why }) => [name, why === undefined ? "✓" : "✗"]),
    ),
    ...reasons(withTools(columns, tools)),
    ...NOTES,
    "",
  ].join("\n");
}

/** What a user has to know of a runtime or a tool beside the tables. */
const NOTES = [
  "\n## Deno's permissions\n",
  "The library needs `--allow-net`, `--allow-env` and `--allow-sys=hostname,osRelease`, besides what",
  "the program itself needs; `releaseOnSignals` and `releaseOnExit` also `--allow-run`, for the child",
  "process that [releases at the exit](process-end.md#an-end-without-a-signal). What is not",
  "allowed is an error at the import or at the first lock.\n",
  "## Bundles\n",
  "The library can be bundled, with the SDK or with the SDK external. Nothing of it needs a file of the",
  "package: the child process that releases at the exit is given its program as text. Some of the SDK's",
  "dependencies are CommonJS and call `require`, which an ES module made by esbuild does not have:",
  "begin it, with `--banner:js`, with a `require` made by `createRequire` of `node:module`.\n",
  "The command cannot be bundled: the program that stops a job in time is a file of the package. A",
  "bundle of it says so and ends with 70. Install azmutex beside the program, and start",
  "`node_modules/.bin/azmutex`.\n",
  "## Older runtimes and browsers\n",
  "A runtime that lacks what azmutex and the SDK use, such as Node 18, is named by an error where a",
  "mutex is constructed, and by the command at its start. Browsers have none of the modules of Node",
  "that azmutex imports.",
];

/** The tools as one more column, for what the columns have in common. */
function withTools(columns: readonly Column[], tools: readonly Outcome[]): readonly Column[] {
  return [...columns, { runtime: "Tools", triedOn: "", runtimeVersion: "", versions: {}, rows: { Tools: tools } }];
}

const VERSIONS = ["@azure/storage-blob", "@azure/identity", "@opentelemetry/api", "@opentelemetry/sdk-metrics"];

function versionRows(columns: readonly Column[]): string[][] {
  return [
    ["version", ...columns.map(({ runtimeVersion }) => runtimeVersion.replace(/^v|^deno | \(.*$/g, ""))],
    ["tried on", ...columns.map(({ triedOn }) => triedOn)],
    ...VERSIONS.map((name) => [`\`${name}\``, ...columns.map(({ versions }) => versions[name] ?? "")]),
  ];
}

function checkRows(columns: readonly Column[], title: string): string[][] {
  const names = [...new Set(columns.flatMap(({ rows }) => (rows[title] ?? []).map(({ name }) => name)))];
  return names.map((name) => [
    name,
    ...columns.map(({ rows }) => {
      const outcome = rows[title]?.find((one) => one.name === name);
      return outcome === undefined ? "–" : outcome.why === undefined ? "✓" : "✗";
    }),
  ]);
}

function reasons(columns: readonly Column[]): string[] {
  const failed = columns.flatMap(({ runtime, rows }) =>
    Object.values(rows)
      .flat()
      .filter(({ why }) => why !== undefined)
      .map(({ name, why }) => wrapped(`- **${runtime}**, ${name}: ${REASONS.get(`${runtime}: ${name}`) ?? why}`)),
  );
  return failed.length === 0 ? [] : ["\n## What does not work\n", ...failed];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
