import { nameDuration, showDuration } from "../shared/duration.ts";
import type { Figures } from "../shared/waits/figures.ts";
import type { Measured } from "./measured.ts";

const LINES: readonly (readonly [label: string, show: (figures: Figures) => string])[] = [
  ["acquisitions", ({ acquisitions }) => acquisitions.toFixed(0)],
  ["hand-over gap, p50", ({ gapP50 }) => showDuration(gapP50)],
  ["hand-over gap, p95", ({ gapP95 }) => showDuration(gapP95)],
  ["hand-over gap, max", ({ gapMax }) => showDuration(gapMax)],
  ["requests per acquisition", ({ requestsPerAcquisition }) => requestsPerAcquisition.toFixed(2)],
  ["longest wait", ({ longestWait }) => showDuration(longestWait)],
  ["Jain's fairness index", ({ jain }) => jain.toFixed(3)],
  ["overtaken by later arrivals, mean", ({ overtakenMean }) => overtakenMean.toFixed(2)],
  ["overtaken by later arrivals, max", ({ overtakenMax }) => overtakenMax.toFixed(1)],
  ["  by more than 1 s later, mean", ({ overtakenLateMean }) => overtakenLateMean.toFixed(2)],
  ["  by more than 1 s later, max", ({ overtakenLateMax }) => overtakenLateMax.toFixed(1)],
];

/** A column for every policy: situations that differ in nothing else. */
export function report(measured: readonly Measured[]): string {
  const [first] = measured;
  if (!first) return "";
  const { processes, holdMs, minutes, roundTripMs, seeds } = first.situation;
  const head = [
    `${processes} processes, holds of ${nameDuration(holdMs)} on average, round trips of ` +
      `${nameDuration(roundTripMs)}, ${minutes} simulated minutes`,
    seeds.length === 1 ? `Seed ${seeds[0]}` : `Means of the seeds ${seeds.join(", ")}`,
  ];
  const columns = [["", ...LINES.map(([label]) => label)], ...measured.map(columnOf)];
  const widths = columns.map((column) => Math.max(...column.map((cell) => cell.length)));
  const rows = ["", ...LINES].map((_, row) =>
    columns
      .map((column, index) => {
        const cell = column[row] ?? "";
        const width = widths[index] ?? 0;
        return index === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("   ")
      .trimEnd(),
  );
  return `${[...head, "", ...rows].join("\n")}\n`;
}

function columnOf({ situation, mean }: Measured): string[] {
  return [situation.policy, ...LINES.map(([, show]) => show(mean))];
}
