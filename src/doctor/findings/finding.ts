import type { FindingSeverity } from "../diagnosis.ts";

/** What is said of a finding whenever it is found. */
export interface FindingText {
  readonly severity: FindingSeverity;
  /** What it means for locks. */
  readonly means: string;
  /** What to do about it. */
  readonly advice: string;
  /** Page and section of the documentation. */
  readonly link: string;
}

export type FindingTexts<Id extends string> = Readonly<Record<Id, FindingText>>;
