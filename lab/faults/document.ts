import { markdownRow, wrapped } from "../shared/wrapped.ts";
import type { Cell } from "./cell.ts";
import { wordsOf } from "./cell.ts";
import type { Column } from "./columns.ts";
import type { Row } from "./rows.ts";

const BEGIN = "<!-- made by npm run faults: from here -->";
const END = "<!-- made by npm run faults: to here -->";

/** A column as the document has it: with the version that was run, or why it was not. */
export interface Shown {
  readonly column: Column;
  readonly version: string;
  readonly notRun?: string | undefined;
}

export interface Measured {
  readonly rows: readonly Row[];
  readonly columns: readonly Shown[];
  readonly cells: readonly Cell[];
  /** Node.js, the storages and the machine, in a line. */
  readonly ranOn: string;
  /** The rows that were not measured now: they stay as the document has them. Default: none. */
  readonly kept?: readonly Row[];
}

/**
 * The document with its measured part in place of the one it had. Throws if a row is to stay that it does not have, or
 * not on this machine.
 */
export function replaced(document: string, measured: Measured): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the document has no part from ${BEGIN} to ${END}`);
  const { kept = [], ranOn } = measured;
  if (kept.length > 0 && !document.includes(ranOn))
    throw new Error(`the rows that stay were not measured as these were: ${ranOn}`);
  return `${before}${BEGIN}\n\n${measuredPart(measured, keptLines(document, kept))}\n${END}${after}`;
}

/** The lines of rows in the document, by id. */
function keptLines(document: string, rows: readonly Row[]): ReadonlyMap<string, string> {
  const lines = document.split("\n");
  const lineOf = ({ title }: Row): string => {
    const line = lines.find((one) => one.startsWith(`| **${title}** |`));
    if (line === undefined) throw new Error(`the document has no row "${title}" that could stay`);
    return line;
  };
  return new Map(rows.map((row) => [row.id, lineOf(row)]));
}

function measuredPart({ rows, columns, cells, ranOn }: Measured, kept: ReadonlyMap<string, string>): string {
  const measuredLine = (row: Row): string =>
    markdownRow([`**${row.title}**`, ...columns.map((shown) => wordsIn(shown, row, cells))]);
  const lines = [
    ranOn,
    "",
    markdownRow(["fault", ...columns.map(({ column }) => column.name)]),
    markdownRow([":--", ...columns.map(() => ":--")]),
    ...rows.map((row) => kept.get(row.id) ?? measuredLine(row)),
    "",
    "## How each fault is made",
    "",
    ...rows.map(({ title, how }) => wrapped(`- **${title}**: ${how}.`)),
    "",
    "## How each lock is used",
    "",
    ...columns.map(({ column, version }) => wrapped(`- **${column.name}** ${version}: ${column.used}.`)),
    "",
  ];
  return lines.join("\n");
}

function wordsIn({ column, notRun }: Shown, row: Row, cells: readonly Cell[]): string {
  if (notRun !== undefined) return `not run: ${notRun}`;
  const cell = cells.find((one) => one.row === row.id && one.column === column.name);
  return cell ? wordsOf(cell.findings) : "";
}
