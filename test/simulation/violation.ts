/** A rule that was broken, whatever went wrong before. */
export class Violation extends Error {
  /** Which rule: `exclusion`, say. */
  readonly rule: string;

  constructor(rule: string, how: string) {
    super(`${rule}: ${how}`);
    this.rule = rule;
  }
}
