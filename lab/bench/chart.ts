import { STYLE } from "../shared/svg/style.ts";
import { element, line, picture, text } from "../shared/svg/svg.ts";
import type { Bar, Chart } from "./benchmark.ts";

const WIDTH = 900;
const LABELS = 230;
const VALUES = 110;
const HEAD = 62;
const ROW = 30;
const THICK = 16;

/** A chart as SVG: one bar below the other, ours in another colour, with the spread as a line. */
export function chartSvg({ title, unit, isLogarithmic = false, bars }: Chart): string {
  const height = HEAD + bars.length * ROW + 16;
  // What is 0 has no place on a logarithmic axis, and where everything is 0 there is no axis at all.
  const measured = bars.flatMap(({ value, spread }) => spread ?? [value]).filter((value) => value > 0);
  const at = isLogarithmic ? Math.log10 : (value: number): number => value;
  // A bar of a logarithmic axis begins a little below the least of all values.
  const from = isLogarithmic ? at(Math.min(...measured)) - 0.3 : 0;
  const scale = (WIDTH - LABELS - VALUES) / (at(Math.max(...measured)) - from);
  const widthOf = (value: number): number => (value > 0 ? Math.max(1, (at(value) - from) * scale) : 1);
  return picture(
    { width: WIDTH, height, title, description: `${unit}. ${bars.map(inWords).join("; ")}.` },
    element("style", {}, STYLE),
    element("rect", { width: WIDTH, height, class: "paper" }),
    text(16, 30, "heading", title),
    text(16, 50, "small quiet", isLogarithmic ? `${unit}, logarithmic` : unit),
    ...bars.flatMap((bar, n) => drawn(bar, HEAD + n * ROW, widthOf)),
  );
}

function drawn({ label, value, spread, isOurs }: Bar, top: number, widthOf: (value: number) => number): string[] {
  const middle = top + ROW / 2;
  const [least, most] = spread ?? [value, value];
  return [
    text(LABELS - 10, middle + 4, isOurs ? "name" : "small", label, "end"),
    element("rect", {
      x: LABELS,
      y: middle - THICK / 2,
      width: widthOf(value),
      height: THICK,
      class: isOurs ? "row0" : "wait",
    }),
    ...(spread ? [line(LABELS + widthOf(least), middle, LABELS + widthOf(most), middle, "axis")] : []),
    text(LABELS + widthOf(most) + 8, middle + 4, "small", shortNumber(value)),
  ];
}

function inWords({ label, value, spread }: Bar): string {
  return `${label}: ${shortNumber(value)}${spread ? ` (${spread.map(shortNumber).join(" to ")})` : ""}`;
}

function shortNumber(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
