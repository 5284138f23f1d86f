import { grouped } from "../shared/grouped.ts";
import { staleOffersOf } from "./checker.ts";
import type { Evidence } from "./evidence.ts";
import { inOrder } from "./holds.ts";

/** What a run was made of. */
export interface Tally {
  readonly seconds: number;
  readonly holds: number;
  /** From one process to another. */
  readonly handOvers: number;
  /** Of these, after a holder that was killed or had lost it. */
  readonly takeovers: number;
  readonly killedInside: number;
  /** Losses that their holders noticed, by why. */
  readonly losses: Readonly<Record<string, number>>;
  /** What waits ended with instead of a lock, by code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly increments: number;
  /** Writes that came after a later holder's, to the fenced register. */
  readonly stale: { readonly offered: number; readonly refused: number; readonly accepted: number };
  /** Writes that were based on what was no longer so: what the register without a fence lost by them. */
  readonly lostWithoutFence: number;
  readonly storageLosses: number;
  readonly requests: number;
  /** How long after the beginning of a calm the last of all actors got in, at worst. */
  readonly slowestAfterTroubleMs: number;
  /** How many troubles there were of each kind, those that hit nothing not counted. */
  readonly troubles: Readonly<Record<string, number>>;
}

export function tallyOf(evidence: Evidence, requests: number): Tally {
  const holds = evidence.holds.filter(({ certain }) => certain);
  const pairs = [...grouped(holds, ({ key }) => key).values()].flatMap((ofKey) => {
    const exclusive = inOrder(ofKey.filter(({ isShared }) => !isShared));
    return exclusive.slice(1).map((hold, i) => ({ hold, before: exclusive[i] }));
  });
  const handOvers = pairs.filter(({ hold, before }) => before && before.worker !== hold.worker);
  const writes = evidence.touches.filter((touch) => touch.kind === "write");
  const offers = staleOffersOf(evidence);
  const accepted = offers.filter(({ touch }) => touch.isAccepted).length;
  return {
    seconds: Math.round(evidence.endedAt / 1_000),
    holds: holds.length,
    handOvers: handOvers.length,
    takeovers: pairs.filter(({ before }) => before?.left !== "released").length,
    killedInside: holds.filter(({ left }) => left === undefined).length,
    losses: countsOf(holds.flatMap(({ left }) => (left === undefined || left === "released" ? [] : [left]))),
    refusals: countsOf(evidence.refusals.map(({ code }) => code)),
    increments: writes.filter(({ isAccepted }) => isAccepted).length,
    stale: { offered: offers.length, refused: offers.length - accepted, accepted },
    lostWithoutFence: writes.filter(({ plain }) => plain.found !== plain.base).length,
    storageLosses: evidence.storageLosses.length,
    requests,
    slowestAfterTroubleMs: Math.max(0, ...evidence.calms.map((calm) => slowestIn(evidence, calm))),
    troubles: countsOf(evidence.troubles.filter(({ hasHit }) => hasHit).map(({ kind }) => kind)),
  };
}

function slowestIn({ actors, holds }: Evidence, { from, to }: Evidence["calms"][number]): number {
  const byActor = grouped(holds, ({ actor }) => actor);
  const waits = actors.map(({ name }) => {
    const first = inOrder(byActor.get(name) ?? []).find(({ certain }) => certain.to >= from);
    return Math.max(0, Math.min(first?.certain.from ?? to, to) - from);
  });
  return Math.max(...waits);
}

export function countsOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
