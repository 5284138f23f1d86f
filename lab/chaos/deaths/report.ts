import { seconds } from "../../shared/duration.ts";
import { grouped } from "../../shared/grouped.ts";
import { median, quantile } from "../../shared/statistics.ts";
import { check, type Finding, type Verdict } from "../checker.ts";
import { inOrder } from "../holds.ts";
import { lineOf, row, secondsOf, sumOf } from "../report.ts";
import { tallyOf } from "../tally.ts";
import { DEATH_KINDS, KINDS, livesOn } from "./kinds.ts";
import type { Death } from "./lane.ts";
import type { DeathsOutcome } from "./run.ts";

/** What is wrong about a run. */
export function judged({ evidence, deaths }: DeathsOutcome): Verdict {
  const { violations, excused } = check(evidence);
  const lonely = deaths
    .filter(({ wasFollowed }) => !wasFollowed)
    .map(({ kind, key, at }): Finding => {
      const how = `no process got in after a death (${KINDS[kind].words}), though nothing was in its way`;
      return { rule: "liveness", at, key, how };
    });
  return { violations: [...violations, ...lonely].sort((a, b) => a.at - b.at), excused };
}

/** The deaths of each kind, how many of the dead held the lock, and how long the next holder then waited. */
export function waitsByKind({ evidence, deaths }: DeathsOutcome): Map<Death["kind"], readonly number[]> {
  const byKey = grouped(evidence.holds, ({ key }) => key);
  const waits = (ofKind: readonly Death[]): number[] =>
    ofKind.flatMap(({ key, seat, incarnation, at }) => {
      const holds = inOrder(byKey.get(key) ?? []);
      const held = holds.find(
        ({ id, left, isShared }) => id.startsWith(`${seat}.${incarnation}/`) && left === undefined && !isShared,
      );
      const next = held && holds.find(({ certain }) => certain.from > at);
      return next ? [next.certain.from - at] : [];
    });
  const byKind = grouped(deaths, ({ kind }) => kind);
  return new Map(DEATH_KINDS.map((kind) => [kind, livesOn(kind) ? [] : waits(byKind.get(kind) ?? [])]));
}

/** One line while it goes on. */
export function deathLine({ at, kind, seat, wasFollowed }: Death): string {
  return `${secondsOf(at)}  ${seat}  ${KINDS[kind].words}${wasFollowed ? "" : ": NO PROCESS GOT IN"}`;
}

/** What was done and what was found, for people. */
export function deathsReport(seed: number, outcome: DeathsOutcome, { violations }: Verdict): string {
  const { evidence, deaths } = outcome;
  const { holds, handOvers, increments, losses, stale } = tallyOf(evidence, 0);
  const waits = waitsByKind(outcome);
  const kindLine = (kind: Death["kind"]): string => {
    const ofKind = waits.get(kind) ?? [];
    const waited =
      ofKind.length === 0
        ? ""
        : `; ${ofKind.length} inside, the next holder after ${seconds(median(ofKind))}, p95 ` +
          `${seconds(quantile(ofKind, 0.95))}`;
    return row(deaths.filter((death) => death.kind === kind).length, `${KINDS[kind].words}${waited}`);
  };
  return [
    "",
    `What died: ${deaths.length} in ${seconds(evidence.endedAt)}`,
    ...DEATH_KINDS.map(kindLine),
    "",
    "What was found",
    row(holds, `holds, ${handOvers} of them after another process's`),
    row(increments, "increments of the fenced numbers"),
    row(sumOf(losses), "losses that their holders noticed"),
    row(stale.offered, `stale writes came to the register: ${stale.refused} refused, ${stale.accepted} accepted`),
    row(violations.length, "violations"),
    ...violations.map(lineOf),
    "",
    violations.length === 0 ? `Seed ${seed}: all is well.` : `Seed ${seed}: not all is well.`,
    "",
  ].join("\n");
}
