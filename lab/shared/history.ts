import { appendFileSync } from "node:fs";

/**
 * One operation of a history that `lab/shared/judge` reads, a line of JSON each. Times are milliseconds of one clock.
 * An operation took effect at one moment from its call to its return. With `return: null` its outcome is unknown: it
 * took effect at some time after the call, or never.
 */
export type HistoryLine = {
  /** What it was done to. Each object is judged by itself. */
  readonly object: string;
  readonly client: string;
  readonly call: number;
  readonly return: number | null;
} & (
  | {
      readonly model: "lock";
      readonly op: "acquire";
      /** How much of the lock it takes, and how much there is. */
      readonly weight: number;
      readonly limit: number;
      /** Higher than the tokens of all who had the lock before. */
      readonly token?: number | undefined;
    }
  | { readonly model: "lock"; readonly op: "release" }
  /** The storage forgot its last seconds: tokens may begin anew. */
  | { readonly model: "lock"; readonly op: "forget" }
  | {
      readonly model: "register";
      readonly op: "read" | "write";
      readonly token: number;
      /** Whether the register took it: it refuses a token lower than one it has seen. Absent when unknown. */
      readonly accepted?: boolean | undefined;
      /** What the register was at after it, where the client was told. */
      readonly version?: number | undefined;
      /** What the writer had read before. */
      readonly base?: number | undefined;
    }
);

/** Appends all lines in one write, so that several threads may write to one file. */
export function appendHistory(file: string, lines: readonly HistoryLine[]): void {
  appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
