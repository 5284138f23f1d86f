import { describe, expect, it } from "vitest";
import type { Column } from "../../lab/matrix/document.ts";
import { merged } from "../../lab/matrix/results.ts";

const column = (runtime: string, triedOn: string, ...tables: readonly string[]): Column => ({
  runtime,
  triedOn,
  runtimeVersion: "v1",
  versions: {},
  rows: Object.fromEntries(tables.map((table) => [table, [{ name: `${table} on ${triedOn}`, ms: 1 }]])),
});

describe("the results of a part of the matrix", () => {
  const before = {
    columns: [
      column("Deno", "2026-11-01", "Library"),
      column("Node 22", "2026-11-01", "Library", "Suites"),
      column("Gone", "2026-11-01"),
    ],
    tools: [
      { name: "tsx", ms: 1, why: "no" },
      { name: "gone", ms: 1 },
    ],
  };
  const found = { columns: [column("Node 22", "2026-11-30", "Library")], tools: [{ name: "tsx", ms: 2 }] };

  it("take the place of what was found before, and leave the rest", () => {
    const { columns, tools } = merged(before, found, ["Jest", "tsx"]);
    expect(columns.map(({ runtime, triedOn }) => [runtime, triedOn])).toEqual([
      ["Node 22", "2026-11-30"],
      ["Deno", "2026-11-01"],
    ]);
    expect(columns[0]?.rows).toEqual({
      Library: [{ name: "Library on 2026-11-30", ms: 1 }],
      Suites: [{ name: "Suites on 2026-11-01", ms: 1 }],
    });
    expect(tools).toEqual([{ name: "tsx", ms: 2 }]);
  });
});
