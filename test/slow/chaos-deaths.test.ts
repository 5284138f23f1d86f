import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../../lab/chaos/checker.ts";
import { DEATH_KINDS } from "../../lab/chaos/deaths/kinds.ts";
import type { Death } from "../../lab/chaos/deaths/lane.ts";
import { PROJECT } from "../support/sources.ts";

const run = promisify(execFile);

async function node(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, args, { cwd: PROJECT, maxBuffer: 2 ** 24 });
  return stdout;
}

describe("npm run chaos -- --deaths", () => {
  it("has processes die in every way, and no lock released under one that runs", async () => {
    await node(join(PROJECT, "node_modules/typescript/bin/tsc"), "-p", "lab");
    const out = await node("build/lab/chaos/main.js", "--deaths", "20", "--seed", "7", "--json");
    const { deaths, violations } = JSON.parse(out) as Verdict & { deaths: readonly Death[] };
    expect(violations).toEqual([]);
    expect(new Set(deaths.map(({ kind }) => kind))).toEqual(new Set(DEATH_KINDS));
    expect(deaths.length).toBe(20);
  });
});
