import { type Cut, columnsOf, cutTo, shareOut } from "../terminal/columns.ts";
import { type Paint, terminal } from "../terminal/terminal.ts";

/** Printable text, and in which colour. */
export interface Cell {
  readonly text: string;
  readonly paint?: Paint | undefined;
}

/** What becomes of a column where the table is too wide. Without `cut` it is as wide as its widest cell. */
export interface ColumnCut {
  readonly cut: Cut;
  /** What it keeps at least, of the columns of a terminal that its widest cell takes. */
  readonly atLeast: number;
}

export interface TableRoom {
  /** The columns of the terminal. Default: any number, so that nothing is cut. */
  readonly columns?: number;
  readonly cuts?: readonly (ColumnCut | undefined)[];
}

const GAP = "  ";

/**
 * The rows as lines, in columns as wide as they have to be. Where that is wider than the terminal, long cells are cut,
 * and the last columns are left out if there is no room for what each column keeps: one long cell harms no other row.
 */
export function tableLines(
  rows: readonly (readonly Cell[])[],
  { columns = Number.POSITIVE_INFINITY, cuts = [] }: TableRoom = {},
): string[] {
  const wanted: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries()) wanted[column] = Math.max(wanted[column] ?? 0, columnsOf(text));
  }
  const widths = fittingWidths(wanted, columns, cuts);
  return rows.map((row) => lineOfCells(row.slice(0, widths.length), widths, cuts));
}

function lineOfCells(row: readonly Cell[], widths: readonly number[], cuts: TableRoom["cuts"] = []): string {
  return row
    .map(({ text: whole, paint }, column) => {
      const width = widths[column] ?? 0;
      const text = cutTo(width, whole, cuts[column]?.cut);
      const padding = column === row.length - 1 ? "" : " ".repeat(width - columnsOf(text)) + GAP;
      return `${paint && text !== "" ? terminal.paint(paint, text) : text}${padding}`;
    })
    .join("")
    .trimEnd();
}

function fittingWidths(wanted: readonly number[], columns: number, cuts: TableRoom["cuts"] = []): readonly number[] {
  if (sumOf(wanted) + GAP.length * (wanted.length - 1) <= columns) return wanted;
  const kept = wanted.map((width, column) => Math.min(width, cuts[column]?.atLeast ?? width));
  const left = columns - sumOf(kept) - GAP.length * (wanted.length - 1);
  if (left < 0) return wanted.length > 1 ? fittingWidths(wanted.slice(0, -1), columns, cuts) : [columns];
  const shares = shareOut(
    left,
    wanted.map((width, column) => width - (kept[column] ?? 0)),
  );
  return kept.map((width, column) => width + (shares[column] ?? 0));
}

const sumOf = (widths: readonly number[]): number => widths.reduce((sum, width) => sum + width, 0);
