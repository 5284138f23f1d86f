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
}

/** The document with its measured part in place of the one it had. */
export function replaced(document: string, measured: Measured): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the document has no part from ${BEGIN} to ${END}`);
  return `${before}${BEGIN}\n\n${measuredPart(measured)}\n${END}${after}`;
}

function measuredPart({ rows, columns, cells, ranOn }: Measured): string {
  const lines = [
    ranOn,
    "",
    markdownRow(["fault", ...columns.map(({ column }) => column.name)]),
    markdownRow([":--", ...columns.map(() => ":--")]),
    ...rows.map((row) => markdownRow([`**${row.title}**`, ...columns.map((shown) => wordsIn(shown, row, cells))])),
    "",
    "## How each fault is made",
    "",
    ...rows.map(({ title, how }) => `- **${title}**: ${how}.`),
    "",
    "## How each lock is used",
    "",
    ...columns.map(({ column, version }) => `- **${column.name}** ${version}: ${column.used}.`),
    "",
  ];
  return lines.join("\n");
}

function wordsIn({ column, notRun }: Shown, row: Row, cells: readonly Cell[]): string {
  if (notRun !== undefined) return `not run: ${notRun}`;
  const cell = cells.find((one) => one.row === row.id && one.column === column.name);
  return cell ? wordsOf(cell.findings) : "";
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
