import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";
import { readDocuments } from "./documents.ts";

/**
 * As a page shows it: without what the examples' own README says of them, and with the container that the command takes
 * by default.
 */
function shown(name: string): string {
  const program = readFileSync(join(PROJECT, `examples/${name}.ts`), "utf8");
  return program
    .replace(/^(?:\/\/.*\n)+/, "")
    .replaceAll('"azmutex-examples"', '"locks"')
    .trimEnd();
}

describe("a page that shows an example", () => {
  const documents = readDocuments(PROJECT);

  it.each([
    ["docs/kubernetes.md", "leader"],
    ["docs/node-cron.md", "cron"],
  ])("%s shows %s.ts as it is, which the tests run", (page, name) => {
    const blocks = documents.find(({ path }) => path === page)?.blocks.map(({ code }) => code);
    expect(blocks).toContain(shown(name));
  });
});
