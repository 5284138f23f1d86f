import { nameDuration, showDuration } from "../shared/duration.ts";
import type { Figures } from "../shared/waits/figures.ts";
import { type Measured, minutesFor, ROUND_TRIP_MS, type Situation, seedsFrom } from "./measured.ts";

const PROCESSES = [2, 10, 100];
const HOLDS_MS = [50, 1_000, 10_000];
const POLICIES = ["plain", "uniform:250-1000", "fixed:10s", "fair"];

/** What the documentation's table is made of: every number of processes with every hold under every policy. */
export function tableSituations(
  seeds: readonly number[] = seedsFrom(),
  policies: readonly string[] = POLICIES,
): Situation[] {
  return PROCESSES.flatMap((processes) =>
    HOLDS_MS.flatMap((holdMs) =>
      policies.map((policy) => ({
        processes,
        holdMs,
        policy,
        minutes: minutesFor(holdMs),
        roundTripMs: ROUND_TRIP_MS,
        seeds,
      })),
    ),
  );
}

const HEAD = [
  "processes",
  "hold",
  "policy",
  "gap p50",
  "p95",
  "max",
  "requests per acquisition",
  "acquisitions",
  "longest wait",
  "Jain",
];
const ALIGNMENT = ["--:", "--:", ":--", "--:", "--:", "--:", "--:", "--:", "--:", "--:"];

/** A row of the documentation's table. */
export function tableRow({ processes, holdMs, policy }: Omit<Situation, "seeds">, mean: Figures): string {
  return markdownRow([
    String(processes),
    nameDuration(holdMs),
    `\`${policy}\``,
    showDuration(mean.gapP50),
    showDuration(mean.gapP95),
    showDuration(mean.gapMax),
    mean.requestsPerAcquisition.toFixed(1),
    mean.acquisitions.toFixed(0),
    showDuration(mean.longestWait),
    mean.jain.toFixed(3),
  ]);
}

export function markdownTable(measured: readonly Measured[]): string {
  const rows = measured.map(({ situation, mean }) => tableRow(situation, mean));
  return `${[markdownRow(HEAD), markdownRow(ALIGNMENT), ...rows].join("\n")}\n`;
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
