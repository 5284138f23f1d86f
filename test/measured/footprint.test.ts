import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { beyondSdk, FOOTPRINT_LIMITS } from "../../bench/footprint.ts";
import { importCosts } from "../../bench/import-cost.ts";
import { packageSizes, runTimeDependencies } from "../../bench/package-size.ts";
import { PROJECT } from "../support/sources.ts";

const ROUNDS = 10;
/** Of one file it is a twentieth, of sixty it was a third; a machine that is busy takes longer for both. */
const MOST_OF_THE_SDKS_TIME = 0.25;

describe("the package", () => {
  it("is as small as is said, and needs nothing at run time but what its command is made with, and what the SDK and OpenTelemetry are spoken to by", () => {
    const { all, withoutMapsAndPage } = packageSizes(PROJECT);
    console.info(`packed: ${withoutMapsAndPage.packed} bytes without source maps and status page, ${all.packed} in all`);
    expect(runTimeDependencies(PROJECT)).toEqual(["@azure/logger", "commander"]);
    expect.soft(all.packed).toBeLessThanOrEqual(FOOTPRINT_LIMITS.packed);
  });

  it("has a status page that a browser gets in less than 60 KB, gzipped", () => {
    const assets = ["index.html", "page.css", "page.js"].map((file) => readFileSync(join(PROJECT, "dist/ui", file)));
    const bytes = assets.reduce((sum, asset) => sum + gzipSync(asset).length, 0);
    console.info(`status page: ${bytes} bytes gzipped`);
    expect(bytes).toBeLessThan(60_000);
    // All that is served: what else lies there is the server's, and the licences.
    expect(readdirSync(join(PROJECT, "dist/ui")).sort()).toEqual(["index.html", "licences.txt", "page.css", "page.js", "server.js"]);
  });

  it("adds little to what it takes to import the SDK, in time and in memory", () => {
    const costs = importCosts(PROJECT, ["sdk", "both"], ROUNDS);
    // The least of each is what was least disturbed.
    const [sdk, both] = [costs.sdk, costs.both].map((some) => Math.min(...some.map(({ ms }) => ms))) as [number, number];
    const ratio = (both - sdk) / sdk;
    const bytes = beyondSdk(costs, ({ heapBytes }) => heapBytes);
    console.info(`import: ${ratio.toFixed(2)} of the SDK's time and ${(bytes / 2 ** 20).toFixed(2)} MB more than the SDK`);
    expect(ratio).toBeLessThan(MOST_OF_THE_SDKS_TIME);
    expect(bytes).toBeLessThan(FOOTPRINT_LIMITS.importBytes);
  });
});
