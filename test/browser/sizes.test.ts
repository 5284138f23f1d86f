import { afterAll, describe, expect, it } from "vitest";
import type { LockStatus } from "../../src/index.ts";
import { ago, heldLock, holder } from "../support/lock-statuses.ts";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

const browser = await startChromium();
afterAll(() => browser.close());

const WIDTHS = [390, 700, 860, 1_024, 1_280, 1_440, 1_920];

/** So many locks, which all have something in every column, and one whose every word is long. */
function locks(count: number): LockStatus[] {
  return Array.from({ length: count }, (_, index) =>
    heldLock(index === 1 ? "k".repeat(1_024) : `orders/${String(index).padStart(5, "0")}`, `worker-${index}:1`, {
      purpose: index === 1 ? "p".repeat(400) : "invoice",
      waiting: [{ holder: holder("web-4:8"), since: ago(3) }],
      highestToken: 1_767_225_600_001_023,
    }),
  );
}

describe("the table of the status page", () => {
  it.for([10, 300, 5_000])("fills its width, and no more, with %d locks at every size", async (count, test) => {
    const statuses = locks(count);
    const { page } = await OpenedPage.open(test, browser, {
      look: async function* () {
        yield* statuses;
      },
    });
    await page.locator("tr[data-key]").first().waitFor();
    for (const width of WIDTHS) {
      for (const hash of ["#/", "#/key/orders%2F00000"]) {
        await page.setViewportSize({ width, height: 800 });
        await page.evaluate((wanted) => {
          location.hash = wanted;
        }, hash);
        if (width <= 860 && hash !== "#/") continue;
        const edges = () =>
          page.evaluate(() => {
            const rightOf = (selector: string): number => {
              const shown = [...document.querySelectorAll(selector)].filter(
                (element) => element.getBoundingClientRect().width > 0,
              );
              return Math.round(Math.max(...shown.map((element) => element.getBoundingClientRect().right)));
            };
            const scroller = document.querySelector(".scroller");
            const right = Math.round((scroller?.getBoundingClientRect().left ?? 0) + (scroller?.clientWidth ?? 0));
            return [
              rightOf("thead tr") - right,
              rightOf("tr[data-index='0'] > *") - right,
              (scroller?.scrollWidth ?? 0) - (scroller?.clientWidth ?? 0),
            ];
          });
        // At 390 a row keeps a margin.
        await expect
          .poll(async () => [width, hash, ...(await edges())])
          .toEqual([width, hash, 0, width === 390 ? -12 : 0, 0]);
      }
    }
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(WIDTHS.at(-1));
  });

  it("shows at 390 pixels how many wait and what for", async (test) => {
    const { page, row } = await OpenedPage.open(test, browser, {
      viewport: { width: 390, height: 844 },
      look: async function* () {
        yield* locks(3);
      },
    });
    await row("orders/00000").waitFor();
    for (const text of ["invoice", "1 waiting", "worker-0:1", "held"]) {
      const box = await row("orders/00000").getByText(text, { exact: true }).first().boundingBox();
      expect([text, (box?.width ?? 0) > 10, (box?.x ?? 0) + (box?.width ?? 0) <= 390]).toEqual([text, true, true]);
    }
    // Rows do not lie over each other, however long their words are.
    const tops = await page
      .locator("tr[data-key]")
      .evaluateAll((rows) => rows.map((one) => one.getBoundingClientRect().top));
    expect(tops.slice(1).map((top, index) => top - (tops[index] ?? 0))).toEqual([74, 74]);
  });
});
