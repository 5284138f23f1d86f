import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { GAMES, type GameName } from "./games.ts";
import type { ProtocolRule } from "./invariants.ts";
import type { Edit } from "./mutate.ts";

/** A mistake that a change to `src` could make. `npm run mutants` shows that the simulation finds it. */
export interface Mutant {
  readonly name: string;
  /** The rule of docs/protocol.md that the mistake breaks. */
  readonly rule: ProtocolRule;
  /** The game that finds it. Default: each seed plays its own. */
  readonly game?: GameName;
  /** The first seed that is to find it. Default: 1. */
  readonly from?: number;
  readonly edits: readonly Edit[];
}

/** All of `mutants.yaml`. Throws for one that is not whole. */
export function readMutants(file: string): readonly Mutant[] {
  const mutants = parse(readFileSync(file, "utf8")) as readonly Mutant[];
  for (const mutant of mutants) {
    const { name, rule, game = "once", from = 1, edits, ...more } = mutant;
    const isEdit = ({ place, stands, instead, ...others }: Edit): boolean =>
      [place, stands, instead].every((part) => typeof part === "string") && Object.keys(others).length === 0;
    const isPlayed = ["once", ...GAMES].includes(game) && Number.isSafeInteger(from);
    const isWhole = typeof name === "string" && /^P\d+$/.test(rule) && isPlayed;
    if (!isWhole || edits.length === 0 || !edits.every(isEdit) || Object.keys(more).length > 0)
      throw new Error(`this is not a mutant: ${JSON.stringify(mutant)}`);
  }
  return mutants;
}
