import { STYLE } from "../shared/svg/style.ts";
import { element, picture, text } from "../shared/svg/svg.ts";

const LABELS = 300;
const COLUMN = 126;
const HEAD = 100;
const ROW = 20;
const FOOT = 66;
const GAP = 2;

/** The marks of the table: how each is drawn, and what it means. */
const MARKS = {
  "✓": { kind: "fine", says: "as hoped" },
  "○": { kind: "fair", says: "more than had to be" },
  "✗": { kind: "fault", says: "a failure" },
  "–": { kind: "none", says: "cannot be asked" },
} as const;

type Mark = keyof typeof MARKS;

const OWN_STYLE = `
  .fine { fill: #2da44e; fill-opacity: .35; } .fair { fill: #bf8700; fill-opacity: .45; }
  .fault { fill: #cf222e; } .none { fill: #eef1f4; } .onFault { fill: #ffffff; font-weight: 700; }
  @media (prefers-color-scheme: dark) {
    .fine { fill: #3fb950; fill-opacity: .3; } .fair { fill: #d29922; fill-opacity: .5; }
    .fault { fill: #da3633; } .none { fill: #1b222c; }
  }
`;

interface Table {
  readonly libraries: readonly string[];
  readonly rows: readonly { readonly fault: string; readonly marks: readonly Mark[] }[];
}

/** The table of docs/faults.md at a glance. Throws if it is not there. */
export function faultChart(document: string): string {
  const { libraries, rows } = tableIn(document);
  const failures = libraries.map((_, at) => rows.filter(({ marks }) => marks[at] === "✗").length);
  const width = LABELS + libraries.length * COLUMN + 16;
  const height = HEAD + rows.length * ROW + FOOT;
  const title = `${rows.length} faults, ${libraries.length} locks: what the user gets`;
  return picture(
    { width, height, title, description: libraries.map((name, at) => `${name}: ${failures[at]} failures`).join(", ") },
    element("style", {}, STYLE + OWN_STYLE),
    element("rect", { width, height, class: "paper" }),
    text(16, 32, "heading", title),
    ...legend(),
    ...libraries.map((name, at) => text(middleOf(at), HEAD - 12, at === 0 ? "name" : "small", name, "middle")),
    ...rows.flatMap(({ fault, marks }, at) => drawnRow(fault, marks, HEAD + at * ROW)),
    text(LABELS - 12, height - 28, "name", "failures", "end"),
    ...failures.map((count, at) =>
      text(middleOf(at), height - 24, count === 0 ? "figure" : "figure bad", `${count}`, "middle"),
    ),
  );
}

function legend(): string[] {
  return Object.entries(MARKS).flatMap(([mark, { kind, says }], at) => [
    element("rect", { x: 16 + at * 190, y: 48, width: 20, height: 16, class: kind }),
    text(26 + at * 190, 60, mark === "✗" ? "small onFault" : "small", mark, "middle"),
    text(44 + at * 190, 60, "small quiet", says),
  ]);
}

function drawnRow(fault: string, marks: readonly Mark[], top: number): string[] {
  return [
    text(LABELS - 12, top + 14, "small", fault, "end"),
    ...marks.flatMap((mark, at) => [
      element("rect", {
        x: LABELS + at * COLUMN + GAP,
        y: top + GAP / 2,
        width: COLUMN - 2 * GAP,
        height: ROW - GAP,
        class: MARKS[mark].kind,
      }),
      text(middleOf(at), top + 14, mark === "✗" ? "small onFault" : "small", mark, "middle"),
    ]),
  ];
}

const middleOf = (column: number): number => LABELS + (column + 0.5) * COLUMN;

function tableIn(document: string): Table {
  const lines = document.split("\n").map((line) => line.replace(/^\| | \|$/g, "").split(" | "));
  const libraries = lines.find(([name]) => name === "fault")?.slice(1);
  if (!libraries) throw new Error("docs/faults.md has no table that begins with a column of faults");
  const rows = lines.flatMap(([name = "", ...cells]) => {
    const [, fault] = /^\*\*(.+)\*\*$/.exec(name) ?? [];
    return fault === undefined || cells.length !== libraries.length
      ? []
      : [{ fault: plain(fault), marks: cells.map(markOf) }];
  });
  return { libraries, rows };
}

const plain = (markdown: string): string => markdown.replaceAll("`", "");

/** A cell that was not run says so in words. */
const markOf = (cell: string): Mark => (Object.keys(MARKS) as Mark[]).find((mark) => cell.startsWith(mark)) ?? "–";
