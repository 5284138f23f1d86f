import type { Stage } from "./stage.ts";

/** One question about speed or cost, and how it is answered. */
export interface Benchmark {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** What is measured, and how, in Markdown: a paragraph or two. */
  readonly what: string;
  run(context: Context): Promise<Report>;
}

export interface Context {
  readonly stage: Stage;
  /** A run that shows that everything works, in a fraction of the time. Its figures are not for the documents. */
  readonly isQuick: boolean;
  /** How many processes die in each way. Default: what the benchmark thinks right. */
  readonly deaths: number | undefined;
  /** Says how far it is, for a person who watches. */
  readonly note: (line: string) => void;
}

/** What came of it. Everything in it is plain data. */
export interface Report {
  readonly tables: readonly Table[];
  /** What has to hold, with what was measured. */
  readonly claims: readonly Claim[];
  readonly chart?: Chart;
  /** What a reader of the tables has to know, in Markdown, a paragraph each. */
  readonly notes: readonly string[];
}

/** What one benchmark measured last, and where. */
export interface Measured {
  readonly name: string;
  readonly title: string;
  readonly what: string;
  readonly ranOn: string;
  readonly roundTripMs: number;
  readonly seconds: number;
  readonly report: Report;
}

export interface Table {
  readonly caption?: string;
  /** The first is the name of what a row is about. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Claim {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly holds: boolean;
}

/** Bars, one below the other. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  /** For values that differ by more than two orders of magnitude. */
  readonly isLogarithmic?: boolean;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The least and the most of all repeats. */
  readonly spread?: readonly [least: number, most: number];
  readonly isOurs: boolean;
}

/** A row that could not be measured on this machine, and why. */
export function notRunRow(name: string, reason: string, columns: readonly string[]): readonly string[] {
  return [name, `not run: ${reason}`, ...columns.slice(2).map(() => "")];
}
