import { afterAll, describe, expect, it, type TestContext } from "vitest";
import type { LockStatus } from "../../../src/index.ts";
import { startChromium } from "../support/chromium.ts";
import { OpenedPage } from "../support/opened-page.ts";

const MANY = 5_000;
const ROUNDS = 3;
const FRAMES = 40;
const BEGAN = 1_767_225_600_000;

const browser = await startChromium();
afterAll(() => browser.close());

const statusOf = (index: number): LockStatus => ({
  key: `orders/${String(index).padStart(5, "0")}`,
  isHeld: index % 3 !== 0,
  state: index % 3 !== 0 ? "leased" : "available",
  infinite: false,
  holder: { name: `worker-${index % 37}:${index}`, host: "worker", pid: index },
  purpose: index % 2 === 0 ? "invoice" : "fulfil",
  leaseSeconds: 30,
  recordedAt: new Date(BEGAN - (index % 997) * 1_000),
  highestToken: BEGAN * 1_000 + index,
  waiting: [],
});

/** A page of so many locks, one of which changes hands at each look. */
async function open(test: TestContext, count: number): Promise<OpenedPage> {
  let looks = 0;
  const look = async function* (): AsyncGenerator<LockStatus> {
    looks += 1;
    for (let index = 0; index < count; index += 1) {
      const status = statusOf(index);
      yield index === 1 ? { ...status, holder: { name: `look:${looks}`, host: "look", pid: looks } } : status;
    }
  };
  return await OpenedPage.open(test, browser, { look });
}

/** Milliseconds from the navigation to the first row. */
async function firstRow({ page }: OpenedPage): Promise<number> {
  await page.reload();
  await page.locator("tr[data-key]").first().waitFor();
  return await page.evaluate(
    () => new Promise<number>((resolve) => requestAnimationFrame(() => resolve(performance.now()))),
  );
}

/** What each of many steps of scrolling takes until it is drawn, in milliseconds, sorted. */
async function scrolling({ page }: OpenedPage): Promise<number[]> {
  return await page.evaluate(async (frames) => {
    const scroller = document.querySelector(".scroller");
    if (!scroller) throw new Error("there is nothing to scroll");
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const took: number[] = [];
    await frame();
    for (let index = 0; index < frames; index += 1) {
      const began = performance.now();
      // To and fro, and each time further than what is drawn.
      scroller.scrollTop =
        ((index % 2 === 0 ? index : frames - index) / frames) * (scroller.scrollHeight - scroller.clientHeight);
      await frame();
      await frame();
      took.push(performance.now() - began);
    }
    return took.sort((a, b) => a - b);
  }, FRAMES);
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;

/** The least of these times, for people. */
const least = (times: readonly number[], digits: number): string => Math.min(...times).toFixed(digits);

describe(`the status page at ${MANY} locks`, () => {
  it("has in the document what shows, wherever one scrolls to", async (test) => {
    const { page, keys, row, shows } = await open(test, MANY);
    await shows("orders/00001", /look:\d+/);
    expect((await keys()).length).toBeLessThan(50);
    expect(await page.getByRole("table").getAttribute("aria-rowcount")).toBe(String(MANY + 1));
    await page.evaluate(() => {
      const scroller = document.querySelector(".scroller");
      if (scroller) scroller.scrollTop = scroller.scrollHeight;
    });
    await row("orders/04999").waitFor();
    expect(await row("orders/04999").getAttribute("aria-rowindex")).toBe(String(MANY + 1));
    expect((await keys()).length).toBeLessThan(50);
    await page.getByRole("searchbox").fill("orders/0259");
    await expect.poll(() => keys()).toHaveLength(10);
  });

  it("leads by the keyboard to the last lock and back, and by address to any", async (test) => {
    const { page, row, shows } = await open(test, MANY);
    await shows("orders/00000", /free/);
    await row("orders/00000").getByRole("link").focus();
    await page.keyboard.press("End");
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    await expect.poll(focused).toBe("orders/04999");
    await page.keyboard.press("PageUp");
    await expect.poll(focused).toMatch(/^orders\/049[678]\d$/);
    await page.keyboard.press("Home");
    await expect.poll(focused).toBe("orders/00000");
    await page.evaluate("location.hash = '#/key/orders%2F02500'");
    await row("orders/02500").waitFor();
  });

  it("is sent what is new, not everything", async (test) => {
    const { page, shows } = await open(test, MANY);
    await shows("orders/00001", /look:\d+/);
    const answer = await page.waitForResponse((response) => response.url().includes("/locks"));
    const { locks, isWhole } = (await answer.json()) as { locks: unknown[]; isWhole: boolean };
    expect([isWhole, locks.length]).toEqual([false, 1]);
  });

  it("scrolls as quickly as at 200, and is there soon after that at 10", async (test) => {
    const [ten, twoHundred, many] = [await open(test, 10), await open(test, 200), await open(test, MANY)];
    const rows: Record<"few" | "many", number[]> = { few: [], many: [] };
    const frames: Record<"few" | "many", number[]> = { few: [], many: [] };
    // In turns, so that whatever else the machine does slows down both; the least of each is what was least disturbed.
    for (let round = 0; round < ROUNDS; round += 1) {
      rows.few.push(await firstRow(ten));
      rows.many.push(await firstRow(many));
      await firstRow(twoHundred);
      frames.few.push(median(await scrolling(twoHundred)));
      frames.many.push(median(await scrolling(many)));
    }
    const ratio = (some: typeof rows): number => Math.min(...some.many) / Math.min(...some.few);
    console.info(
      `first row: ${least(rows.few, 0)} ms at 10 locks, ${least(rows.many, 0)} at ${MANY}; ` +
        `a step of scrolling: ${least(frames.few, 1)} ms at 200, ${least(frames.many, 1)} at ${MANY}`,
    );
    expect(ratio(frames)).toBeLessThan(2);
    expect(ratio(rows)).toBeLessThan(12);
  });
});
