import { readData } from "../shared/data.ts";
import { markdownTable, wrapped } from "../shared/wrapped.ts";
import type { Claim, Measured, Report, Table } from "./benchmark.ts";
import { chartsOf } from "./pictures.ts";

const pageHead = (): string => readData<{ readonly page: string }>("lab/bench/texts.yaml").page;

/** The page, made of nothing but the results. */
export function benchmarksDocument(results: readonly Measured[]): string {
  return [pageHead(), ...results.map((measured) => section(measured))].join("\n");
}

function section(measured: Measured): string {
  const { name, title, what, ranOn, seconds, report } = measured;
  const { tables, claims, notes } = report;
  const parts = [
    `## ${title}`,
    wrapped(what),
    ...[...chartsOf(measured)].map(([file, { title: shows }]) => `![${shows}](benchmarks/${file})`),
    ...tables.map((table) => tableOf(table)),
    ...notes.map((note) => wrapped(note)),
    ...(claims.length > 0 ? [claimsOf(claims)] : []),
    wrapped(`_\`npm run bench -- --only ${name}\`: ${Math.round(seconds)} s, ${ranOn}_`),
  ];
  return `${parts.join("\n\n")}\n`;
}

function tableOf({ caption, columns, rows }: Table): string {
  const lines = markdownTable(columns, [":--", ...columns.slice(1).map(() => "--:")], rows);
  return caption === undefined ? lines : `**${caption}**\n\n${lines}`;
}

function claimsOf(claims: readonly Claim[]): string {
  const rows = claims.map(({ what, limit, measured, holds }) => [
    what,
    limit,
    measured,
    holds ? "holds" : "**does not hold**",
  ]);
  return tableOf({ columns: ["has to hold", "limit", "measured", ""], rows });
}

/** The same for a terminal. */
export function printed({ tables, claims, notes }: Report): string {
  return [...tables.map((table) => aligned(table)), ...notes, ...claims.map((claim) => claimLine(claim))].join("\n\n");
}

function claimLine({ what, limit, measured, holds }: Claim): string {
  return `${holds ? "holds" : "DOES NOT HOLD"}: ${what}: ${measured} (limit ${limit})`;
}

function aligned({ caption, columns, rows }: Table): string {
  const all = [columns, ...rows].map((cells) => cells.map(String));
  const widths = columns.map((_, at) => Math.max(...all.map((cells) => cells[at]?.length ?? 0)));
  const lines = all.map((cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  "),
  );
  return [...(caption === undefined ? [] : [caption]), ...lines].join("\n");
}
