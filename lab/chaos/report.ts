import type { Finding, Verdict } from "./checker.ts";
import { TROUBLE_WORDS, type Trouble, type TroubleKind } from "./plan.ts";
import { countsOf, type Tally } from "./tally.ts";

/** One line while it goes on. */
export function troubleLine(at: number, { kind, forMs }: Trouble, victim: string | undefined): string {
  return `${secondsOf(at)}  ${(victim ?? "all").padEnd(3)}  ${TROUBLE_WORDS[kind]} (${(forMs / 1_000).toFixed(1)} s)`;
}

/** What was done and what was found, for people. */
export function reportOf(
  seed: number,
  minutes: number,
  tally: Tally,
  { violations, excused }: Verdict,
  picture: string,
): string {
  const { stale } = tally;
  const lines = [
    "",
    "What went wrong",
    ...Object.entries(tally.troubles).map(([kind, times]) => row(times, TROUBLE_WORDS[kind as TroubleKind])),
    "",
    "What the workers did",
    row(
      tally.holds,
      `holds: ${tally.handOvers} times the lock went to another process, ${tally.takeovers} times from a ` +
        "holder that had died or lost it",
    ),
    row(tally.increments, "increments of the fenced numbers"),
    row(tally.killedInside, "killed while they held something"),
    row(sumOf(tally.losses), `losses that their holders noticed${wordsOf(tally.losses)}`),
    row(sumOf(tally.refusals), `waits that ended without a lock${wordsOf(tally.refusals)}`),
    row(tally.requests, "requests to the storage"),
    "",
    "What was found",
    row(stale.offered, `stale writes came to the register: ${stale.refused} refused, ${stale.accepted} accepted`),
    row(tally.lostWithoutFence, "updates were overwritten in the register without a fence, by writes that came late"),
    row(
      excused.length,
      `findings that ${tally.storageLosses} losses of the storage explain${wordsOf(byRule(excused))}`,
    ),
    `${(tally.slowestAfterTroubleMs / 1_000).toFixed(1).padStart(8)}  seconds at most, after trouble was ` +
      "over, until everybody had been in",
    row(violations.length, `violations${wordsOf(byRule(violations))}`),
    ...violations.map(lineOf),
    "",
    `The run as a picture: ${picture}`,
    violations.length === 0
      ? `Seed ${seed}: all is well.`
      : `To try it again: npm run chaos -- --seed ${seed} --minutes ${minutes}`,
    "",
  ];
  return lines.join("\n");
}

export function lineOf({ rule, at, key, how }: Finding): string {
  return `  ✘ ${secondsOf(at)}  ${rule}${key === undefined ? "" : ` of ${key}`}: ${how}`;
}

export function secondsOf(at: number): string {
  return `${(at / 1_000).toFixed(1).padStart(6)} s`;
}

export function row(count: number, words: string): string {
  return `${String(count).padStart(8)}  ${words}`;
}

const byRule = (findings: readonly Finding[]): Record<string, number> => countsOf(findings.map(({ rule }) => rule));

function wordsOf(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([word, count]) => `${count} ${word}`);
  return words.length === 0 ? "" : `: ${words.join(", ")}`;
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
