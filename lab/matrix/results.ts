import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./consumer.ts";
import { type Column, runtimesDocument } from "./document.ts";
import { RUNTIMES } from "./runtimes.ts";
import { toolNames } from "./tools.ts";

/** What was found, each part by the last run that tried it. */
export interface Results {
  readonly columns: readonly Column[];
  readonly tools: readonly Outcome[];
}

/** Puts what a run has found in the place of what was found before, and writes the page of both. */
export function keepResults(project: string, found: Results): void {
  const file = join(project, "docs/runtimes.json");
  const before: Results = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { columns: [], tools: [] };
  const results = merged(before, found, toolNames(project));
  writeFileSync(file, `${JSON.stringify(results, (key, value) => (key === "ms" ? undefined : value), 2)}\n`);
  writeFileSync(join(project, "docs/runtimes.md"), runtimesDocument(results.columns, results.tools));
}

/** In the order of the tables, without what is tried no longer. Tables that this run did not make of a runtime stay. */
export function merged(before: Results, found: Results, toolNames: readonly string[]): Results {
  return {
    columns: RUNTIMES.flatMap(({ name }) => {
      const [old, now] = [before, found].map(({ columns }) => columns.find(({ runtime }) => runtime === name));
      const column = now ?? old;
      return column === undefined ? [] : [{ ...column, rows: { ...old?.rows, ...column.rows } }];
    }),
    tools: toolNames.flatMap((name) => {
      const outcome = [...found.tools, ...before.tools].find((one) => one.name === name);
      return outcome === undefined ? [] : [outcome];
    }),
  };
}
