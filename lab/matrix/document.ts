import { readData } from "../shared/data.ts";
import { markdownTable, wrapped } from "../shared/wrapped.ts";
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
  const { head, notes } = readData<Readonly<Record<"head" | "notes", string>>>("lab/matrix/texts.yaml");
  const names = ["", ...columns.map(({ runtime }) => runtime)];
  const titles = [...new Set(columns.flatMap(({ rows }) => Object.keys(rows)))];
  return [
    head,
    table(names, versionRows(columns)),
    ...titles.flatMap((title) => [`\n## ${title}\n`, table(names, checkRows(columns, title))]),
    "\n## Compilers, test runners, bundlers, package managers\n",
    `On Node ${process.versions.node}. Each locks once in memory and once in an emulator, so the SDK is`,
    "loaded on first use.\n",
    table(
      ["", ""],
      tools.map(({ name, why }) => [name, why === undefined ? "✓" : "✗"]),
    ),
    ...reasons(withTools(columns, tools)),
    notes,
    "",
  ].join("\n");
}

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

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  markdownTable(
    head,
    head.map(() => "---"),
    rows,
  );
