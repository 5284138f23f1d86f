import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { PROJECT } from "../../support/sources.ts";
import { barriersOn } from "../support/barriers.ts";
import { startChromium } from "../support/chromium.ts";

interface Server {
  readonly url: string;
  close(): Promise<void>;
}

const DIST = join(PROJECT, "build/site/dist");
/** A page without its pictures, as it is sent, in bytes. */
const LARGEST_PAGE = 200_000;
/** For what hangs. The generator is installed and makes 500 pages, beside all else that runs here. */
const BUILD_HANGS_MS = 900_000;

/** What a user looks for, and a page that has to be among the first five that are found. */
const QUESTIONS: readonly (readonly [question: string, page: string])[] = [
  ["getting started", "docs/getting-started"],
  ["connection string", "docs/connecting"],
  ["managed identity", "docs/connecting"],
  ["least permissions", "docs/permissions"],
  ["LOCK_LOST", "docs/troubleshooting"],
  ["fencing token database", "docs/fencing"],
  ["leader election", "docs/leader-election"],
  ["semaphore permits", "docs/semaphore"],
  ["reader writer", "docs/reader-writer-lock"],
  ["cron once", "docs/once"],
  ["node-cron coordinator", "docs/node-cron"],
  ["SIGTERM", "docs/graceful-shutdown"],
  ["kubernetes deployment leader", "docs/kubernetes"],
  ["exit code", "docs/cli"],
  ["free a lock", "docs/troubleshooting"],
  ["doctor", "docs/doctor"],
  ["price requests", "docs/cost"],
  ["proxy", "docs/proxies"],
  ["go-azuremutex", "docs/migrating-from-go-azuremutex"],
  ["failover", "docs/operations"],
];

const htmlFiles = (): string[] =>
  readdirSync(DIST, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".html"));

/** The links of the pages that lead to no file, or to no heading. */
function deadLinks(): string[] {
  const pages = new Map(htmlFiles().map((file) => [file, readFileSync(join(DIST, file), "utf8")]));
  const files = new Set(
    readdirSync(DIST, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/")),
  );
  const idsOf = new Map([...pages].map(([file, html]) => [file, new Set(html.match(/(?<=\bid=")[^"]+/g))]));
  return [...pages].flatMap(([file, html]) =>
    [...html.matchAll(/<a\b[^>]*\bhref="([^"]+)"/g)].flatMap(([, href = ""]) => {
      const target = href.replaceAll("&amp;", "&");
      if (/^[a-z][a-z+.-]*:/i.test(target)) return [];
      const [path = "", anchor] = decodeURI(target).split("#");
      const named = path.startsWith("/") ? path.slice(1) : posix.join(posix.dirname(file), path);
      const page = path === "" ? file : posix.normalize(/(?:^|\/)$/.test(named) ? `${named}index.html` : named);
      const there = [page, `${page}.html`].find((name) => files.has(name));
      if (there === undefined) return [`${file}: ${target}`];
      return anchor === undefined || anchor === "" || !pages.has(there) || idsOf.get(there)?.has(anchor)
        ? []
        : [`${file}: ${target}`];
    }),
  );
}

describe("the site", () => {
  let browser: Browser;
  let server: Server;

  beforeAll(async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["docs/site/build.mjs"], { cwd: PROJECT });
    expect(stdout + stderr).toContain("are in build/site/dist");
    const { serve } = await import(join(PROJECT, "docs/site/serve.mjs"));
    server = await serve(DIST);
    browser = await startChromium();
  }, BUILD_HANGS_MS);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function open(test: TestContext, path: string, options: Parameters<Browser["newContext"]>[0] = {}) {
    const context = await browser.newContext(options);
    test.onTestFinished(() => context.close());
    const page = await context.newPage();
    const foreign: string[] = [];
    const complaints: string[] = [];
    const sizes: Promise<number>[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) foreign.push(request.url());
    });
    page.on("requestfinished", (request) => {
      if (request.resourceType() !== "image")
        sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
    });
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", ({ message }) => complaints.push(message));
    await page.goto(`${server.url}${path}`, { waitUntil: "networkidle" });
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    return { page, foreign, complaints, bytes };
  }

  it("has no link that leads nowhere", () => {
    expect(htmlFiles().length).toBeGreaterThan(400);
    expect(deadLinks()).toEqual([]);
  });

  it("has every page as Markdown, and a list of them for programs that read", () => {
    const list = readFileSync(join(DIST, "llms.txt"), "utf8");
    const listed = [...list.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target.split("#")[0] ?? "");
    expect(listed.length).toBeGreaterThan(30);
    for (const target of listed) expect(readFileSync(join(DIST, target), "utf8"), target).toMatch(/^#? ?\S/);
    const pages = htmlFiles().filter((file) => !file.startsWith("api/") && file !== "404.html");
    for (const page of pages) expect(() => readFileSync(join(DIST, page.replace(/\.html$/, ".md")))).not.toThrow();
  });

  it("has a page for every public name", () => {
    const report = readFileSync(join(PROJECT, "docs/api/azmutex.api.md"), "utf8");
    const names = [...report.matchAll(/^export (?:abstract )?(?:class|interface|function|type|const) (\w+)/gm)];
    expect(names.length).toBeGreaterThan(60);
    const pages = new Set(readdirSync(join(DIST, "api/azmutex")));
    expect(
      names.map(([, name = ""]) => `azmutex.${name.toLowerCase()}.html`).filter((page) => !pages.has(page)),
    ).toEqual([]);
  });

  it.for([
    ["light", 1_280],
    ["dark", 1_280],
    ["light", 390],
    ["dark", 390],
  ] as const)(
    "has no barrier that axe finds, asks no other host and fits, %s and %d wide",
    async ([theme, width], test) => {
      for (const path of ["", "docs/locker.html", "docs/faults.html", "api/azmutex/azmutex.azuremutex.html"]) {
        const { page, foreign } = await open(test, path, { colorScheme: theme, viewport: { width, height: 844 } });
        expect(await barriersOn(page), path).toEqual([]);
        expect(foreign).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow, path).toBeLessThanOrEqual(0);
      }
    },
  );

  it("sends a page in 200 KB, from this host alone, without an error", async (test) => {
    for (const path of ["", "docs/cli.html", "docs/benchmarks.html", "docs/protocol.html"]) {
      const opened = await open(test, path);
      expect(opened.foreign).toEqual([]);
      expect(opened.complaints).toEqual([]);
      console.info(`${path || "start page"}: ${Math.round(opened.bytes / 1_000)} KB`);
      // A page has its text, the framework and the styles.
      expect(opened.bytes, path).toBeGreaterThan(50_000);
      expect(opened.bytes, path).toBeLessThanOrEqual(LARGEST_PAGE);
    }
  });

  it("finds the pages that users look for", async (test) => {
    const { page } = await open(test, "docs/");
    await page.locator(".VPNavBarSearch button").click();
    const missed: string[] = [];
    for (const [question, wanted] of QUESTIONS) {
      const found = await firstFound(page, question);
      if (!found.some((link) => link.includes(wanted))) missed.push(`${question}: ${found.join(", ")}`);
    }
    expect(missed).toEqual([]);
  });
});

/** The addresses of the first five results. */
async function firstFound(page: Page, question: string): Promise<string[]> {
  await page.locator("#localsearch-input").fill(question);
  const results = page.locator("a.result");
  await expect.poll(() => results.count()).toBeGreaterThan(0);
  // Results are shown a moment after the question was typed.
  await page.waitForTimeout(400);
  return (await results.evaluateAll((all) => all.slice(0, 5).map((link) => link.getAttribute("href") ?? ""))).map(
    (link) => relative(dirname("/"), link),
  );
}
