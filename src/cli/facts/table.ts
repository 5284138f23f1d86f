import { columnsOf } from "../columns.ts";
import { type Paint, terminal } from "../terminal.ts";

/** Printable text, and in which colour. */
export interface Cell {
  readonly text: string;
  readonly paint?: Paint | undefined;
}

const GAP = "  ";

/** The rows as lines, in columns as wide as they have to be: nothing is cut off. */
export function tableLines(rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, columnsOf(text));
  }
  return rows.map((row) =>
    row
      .map(({ text, paint }, column) => {
        const isLast = column === row.length - 1;
        const padding = isLast ? "" : " ".repeat((widths[column] ?? 0) - columnsOf(text)) + GAP;
        return `${paint && text !== "" ? terminal.paint(paint, text) : text}${padding}`;
      })
      .join("")
      .trimEnd(),
  );
}
