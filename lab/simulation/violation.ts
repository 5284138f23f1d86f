import type { Invariant } from "./invariants.ts";

/** An invariant that does not hold. The run ends with it. */
export class Violation extends Error {
  readonly rule: Invariant;

  constructor(rule: Invariant, how: string) {
    super(`${rule}: ${how}`);
    this.rule = rule;
  }
}
