import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Measured } from "../../../lab/bench/benchmark.ts";
import { PROJECT } from "../../support/sources.ts";

interface End {
  readonly code: number | string | null | undefined;
  readonly out: string;
  readonly err: string;
}

function node(...args: readonly string[]): Promise<End> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: PROJECT, maxBuffer: 2 ** 24 }, (error, out, err) =>
      resolve({ code: error ? error.code : 0, out, err }),
    );
  });
}

describe("npm run bench", { timeout: 240_000 }, () => {
  it("compiles, measures what it is asked for and says it as JSON", async () => {
    expect(await node(join(PROJECT, "node_modules/typescript/bin/tsc"), "-p", "lab")).toMatchObject({
      code: 0,
      out: "",
    });
    const { code, out, err } = await node("build/lab/bench/main.js", "--only", "footprint", "--quick", "--json");
    // 1 says that a claim does not hold, which three rounds on a busy machine cannot tell.
    expect([0, 1], err).toContain(code);
    const [measured, ...others] = JSON.parse(out) as Measured[];
    expect(others).toEqual([]);
    expect(measured).toMatchObject({ name: "footprint", roundTripMs: 5 });
    expect(measured?.report.tables.map(({ caption }) => caption)).toEqual(["Import", "Package", "Start-up"]);
    expect(JSON.stringify(measured)).not.toMatch(/NaN|null/);
  });

  it("answers a request for an unknown benchmark with those there are", async () => {
    const { code, err } = await node("build/lab/bench/main.js", "--only", "nothing");
    expect(code).toBe(2);
    expect(err).toContain("--only <name>");
  });
});
