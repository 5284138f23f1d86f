import { element, line, text } from "../../../lab/shared/svg/svg.ts";

/** What the marks mean, in a row from `left` on. */
export function drawLegend(left: number, y: number): string {
  const entries: { drawing: (x: number) => string; words: string; width: number }[] = [
    {
      drawing: (x) => element("rect", { x, y: y - 11, width: 8, height: 14, class: "row0" }),
      words: "holds the lock",
      width: 8,
    },
    {
      drawing: (x) => element("rect", { x, y: y - 5.5, width: 26, height: 2.5, class: "wait" }),
      words: "waits for it",
      width: 26,
    },
    {
      drawing: (x) => element("rect", { x, y: y - 11, width: 30, height: 14, class: "dead" }),
      words: "lease of a dead holder",
      width: 30,
    },
    {
      drawing: (x) => element("path", { d: `M${x} ${y - 10}l12 12m0 -12l-12 12`, class: "cross" }),
      words: "killed",
      width: 12,
    },
    {
      drawing: (x) => line(x, y + 2, x + 16, y - 10, "baton"),
      words: "the lock goes on to another process",
      width: 16,
    },
  ];
  let x = left;
  const drawn: string[] = [];
  for (const { drawing, words, width } of entries) {
    drawn.push(drawing(x), text(x + width + 8, y, "small quiet", words));
    x += width + 8 + words.length * 6.4 + 30;
  }
  return drawn.join("");
}
