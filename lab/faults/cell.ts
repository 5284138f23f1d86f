import type { Finding, Grade } from "./findings.ts";

/** A row and a column of the matrix, by name, and what was seen there. */
export interface Cell {
  readonly row: string;
  readonly column: string;
  readonly findings: readonly Finding[];
}

export const MARKS: Readonly<Record<Grade, string>> = { good: "✓", dear: "○", bad: "✗", none: "–" };

const WORST_FIRST: readonly Grade[] = ["bad", "dear", "good", "none"];

/** A cell is as good as the worst that was seen in it. */
export function gradeOf(findings: readonly Finding[]): Grade {
  return WORST_FIRST.find((grade) => findings.some((finding) => finding.grade === grade)) ?? "none";
}

export function wordsOf(findings: readonly Finding[]): string {
  const texts = [...new Set(findings.map(({ text }) => text))];
  return `${MARKS[gradeOf(findings)]} ${texts.join("; ")}`;
}
