import type { Leader } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { factLines, titleLine } from "./detail-lines.ts";
import { NO_CONTAINER, shownSince, shownTime, whereabouts } from "./lock-labels.ts";

/** One look at an office. */
export interface LeaderSeen {
  readonly name: string;
  readonly leader: Leader | undefined;
  readonly isContainerMissing: boolean;
}

/** Who leads, for people. */
export function leaderLines(
  { name, leader, isContainerMissing }: LeaderSeen,
  now: number,
  columns?: number,
  place?: string,
): string[] {
  const title = printable(name);
  const where = place === undefined ? [] : [["in", place]];
  if (!leader) {
    const remark = isContainerMissing ? ` (${NO_CONTAINER})` : "";
    return [titleLine({ title, state: "no leader", paint: "yellow", remark }, columns), ...factsOf(where, columns)];
  }
  const { term, holder, since, data } = leader;
  const facts = [
    ...where,
    ["leader", whereabouts(holder)],
    ["term", String(term)],
    ["since", shownSince(since, now)],
    ...(data === undefined ? [] : [["data", printable(data)]]),
  ];
  return [titleLine({ title, state: "led", paint: "green" }, columns), ...factsOf(facts, columns)];
}

function factsOf(facts: readonly (readonly string[])[], columns: number | undefined): string[] {
  const rows = facts.map(([fact = "", text = ""]) => [{ text: `  ${fact}` }, { text }]);
  return factLines(rows, columns);
}

/** `2026-11-23T13:05:12Z scheduler led by web-3:17 in term 42: http://10.0.0.7` */
export function leaderLine({ name, leader, isContainerMissing }: LeaderSeen, now: number): string {
  const { term, candidate, data } = leader ?? {};
  const about = data === undefined ? "" : `: ${printable(data)}`;
  const none = isContainerMissing ? `no leader: ${NO_CONTAINER}` : "no leader";
  const who = candidate === undefined ? none : `led by ${printable(candidate)} in term ${term}${about}`;
  return `${shownTime(now)} ${printable(name)} ${who}`;
}

/** The same for programs. */
export function leaderFacts({ name, leader, isContainerMissing }: LeaderSeen): object {
  return { name, leader: leader ?? null, ...(isContainerMissing && { isContainerMissing }) };
}

/** Tells what is new from what was there before. */
export class LeadersSeen {
  #highest = 0;
  #last: { readonly leader: Leader | undefined } | undefined;

  /** Whether another holder leads than at the last look, or publishes other data. */
  isNews(leader: Leader | undefined): boolean {
    const last = this.#last?.leader;
    // Who led before is not back: its record is all there is until the next leader has written its own.
    if (leader && (leader.term < this.#highest || (leader.term === this.#highest && this.#last && !last))) return false;
    if (this.#last && leader?.term === last?.term && leader?.data === last?.data) return false;
    this.#highest = Math.max(this.#highest, leader?.term ?? 0);
    this.#last = { leader };
    return true;
  }
}
