import { partsThatFit } from "../terminal/columns.ts";
import { type Paint, terminal } from "../terminal/terminal.ts";
import { type Cell, tableLines } from "./table.ts";

/** What stands above facts: a key, its state in a colour, and what the state alone does not say. */
export interface Title {
  readonly title: string;
  readonly state: string;
  readonly paint: Paint;
  readonly remark?: string;
}

/** The title as one line of at most so many columns. Default: any number. */
export function titleLine(
  { title, state, paint, remark = "" }: Title,
  columns: number = Number.POSITIVE_INFINITY,
): string {
  const parts = [{ text: title, cut: "middle" }, ": ", state, { text: remark, cut: "end" }] as const;
  const [shownTitle = "", colon = "", shownState = "", shownRemark = ""] = partsThatFit(columns, parts);
  return `${terminal.paint("bold", shownTitle)}${colon}${terminal.paint(paint, shownState)}${shownRemark}`;
}

/** Facts below it: a name and a text in each row. A text that is too long loses its middle. */
export function factLines(rows: readonly (readonly Cell[])[], columns: number = Number.POSITIVE_INFINITY): string[] {
  return tableLines(rows, { columns, cuts: [undefined, { cut: "middle", atLeast: 1 }] });
}
