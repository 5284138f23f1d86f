import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { beyondSdk, FOOTPRINT_LIMITS, importRatio } from "../../lab/bench/footprint.ts";
import { importCosts } from "../../lab/bench/import-cost.ts";
import { packageSizes, runTimeDependencies } from "../../lab/bench/package-size.ts";
import { PROJECT } from "../support/sources.ts";

const ROUNDS = 30;

describe("the package", () => {
  it("needs nothing at run time but what its command is made with, and the SDK's log", () => {
    const { all, withoutMapsAndPage } = packageSizes(PROJECT);
    console.info(
      `packed: ${withoutMapsAndPage.packed} bytes without source maps and status page, ${all.packed} in all`,
    );
    expect(runTimeDependencies(PROJECT)).toEqual(["@azure/logger", "commander"]);
  });

  it("has a status page that a browser gets in less than 60 KB, gzipped", () => {
    const assets = ["index.html", "page.css", "page.js"].map((file) =>
      readFileSync(join(PROJECT, "dist/ui/page", file)),
    );
    const bytes = assets.reduce((sum, asset) => sum + gzipSync(asset).length, 0);
    console.info(`status page: ${bytes} bytes gzipped`);
    expect(bytes).toBeLessThan(60_000);
    // All that is served, and the licences.
    expect(readdirSync(join(PROJECT, "dist/ui/page")).sort()).toEqual([
      "index.html",
      "licences.txt",
      "page.css",
      "page.js",
    ]);
  });

  it("adds little to what it takes to import the SDK, in time and in memory", () => {
    const costs = importCosts(PROJECT, ["sdk", "both"], ROUNDS);
    const ratio = importRatio(costs);
    const bytes = beyondSdk(costs, ({ heapBytes }) => heapBytes);
    console.info(
      `import: ${ratio.toFixed(2)} of the SDK's time and ${(bytes / 2 ** 20).toFixed(2)} MB more than the SDK`,
    );
    expect(ratio).toBeLessThan(FOOTPRINT_LIMITS.importRatio);
    expect(bytes).toBeLessThan(FOOTPRINT_LIMITS.heapBytes);
  });
});
