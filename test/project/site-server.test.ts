import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

const { serve } = await import(pathToFileURL(join(PROJECT, "docs/site/serve.mjs")).href);

it("the site's server answers each address, also one that is no URL, and goes on", async (test) => {
  const folder = mkdtempSync(join(tmpdir(), "azmutex-site-"));
  writeFileSync(join(folder, "page.html"), "a page");
  const server = await serve(folder);
  test.onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const answer = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`${server.url}${path}`);
    return [response.status, await response.text()];
  };
  for (const path of ["%", "%E0%A4%A", "%00", "/", "..%2F..%2Fetc%2Fpasswd", "other"])
    expect(await answer(path), path).toEqual([404, "not found"]);
  expect(await answer("page")).toEqual([200, "a page"]);
});
