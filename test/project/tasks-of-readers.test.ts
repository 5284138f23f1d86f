import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDocument } from "../support/documents.ts";
import { PROJECT } from "../support/sources.ts";

/** How much a reader opens and reads at most, who begins on the README and knows nothing of azmutex. */
const MOST_PAGES = 2;
const MOST_WORDS = 600;

/** A page that is opened, with an anchor if the link has one, and the text at which the reader stops. */
interface Opened {
  readonly link: string;
  readonly until: string;
}

const TASKS: readonly { readonly task: string; readonly pages: readonly Opened[] }[] = [
  {
    task: "make my cron run once",
    pages: [
      { link: "README.md", until: "once for each fire of a schedule" },
      { link: "docs/once.md", until: "azmutex run daily-report --once-per day -- ./job.sh" },
    ],
  },
  {
    task: "stop my migration when the lock is lost",
    pages: [
      { link: "README.md", until: "one at a time, the others wait or skip" },
      { link: "docs/locker.md", until: "| `lock.signal` | aborts when the lock is lost" },
    ],
  },
  {
    task: "free a stuck lock",
    pages: [
      { link: "README.md", until: "to see or free a lock that is stuck" },
      { link: "docs/troubleshooting.md#free-it-now", until: "npx azmutex break nightly" },
    ],
  },
];

const read = (page: string): string => readFileSync(join(PROJECT, page), "utf8");

/** The words from where the link leads up to the line with the text. */
function wordsRead({ link, until }: Opened): number {
  const [page = "", anchor] = link.split("#");
  const text = read(page);
  const headings = [...text.matchAll(/^#{1,6} .*$/gm)];
  const heading = headings.find(([line]) => parseDocument(page, line).anchors.has(anchor ?? ""));
  const from = anchor === undefined ? 0 : (heading?.index ?? text.length);
  const found = text.indexOf(until, from);
  if (found === -1) throw new Error(`${link} does not say "${until}"`);
  return text.slice(from, text.indexOf("\n", found)).match(/\S+/g)?.length ?? 0;
}

describe("a reader who begins on the README, with a task", () => {
  it.each(TASKS)("has the answer on two pages, within 600 words: $task", ({ pages }) => {
    const words = pages.map((opened) => wordsRead(opened));
    expect(pages.length).toBeLessThanOrEqual(MOST_PAGES);
    expect(words.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(MOST_WORDS);
    for (const [at, { link }] of pages.slice(1).entries()) {
      const { link: before = "", until = "" } = pages[at] ?? {};
      const line = read(before)
        .split("\n")
        .find((text) => text.includes(until));
      expect(line, `where the reader stops in ${before}`).toContain(`](${link})`);
    }
  });
});
