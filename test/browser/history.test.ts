import { afterAll, describe, expect, it } from "vitest";
import { AccessDeniedError, type LockStatus, Semaphore } from "../../src/index.ts";
import { heldLock, lock } from "../support/lock-statuses.ts";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

const browser = await startChromium();
afterAll(() => browser.close());

const HOUR_MS = 3_600_000;

/** The width of what is drawn of a key as held, and as unknown, in parts of the timeline. */
async function drawn({ row }: OpenedPage, key: string): Promise<{ readonly held: number; readonly unknown: number }> {
  return await row(key)
    .locator("svg.strip")
    .evaluate((strip) => {
      const sum = (selector: string): number =>
        [...strip.querySelectorAll(selector)].reduce((total, bar) => total + bar.getBoundingClientRect().width, 0);
      const { width } = strip.getBoundingClientRect();
      return { held: sum(".hold") / width, unknown: sum(".unsure") / width };
    });
}

describe("the history of the status page", () => {
  it("draws as unknown what came after the last look, and gives a range for how long it was held", async (test) => {
    const opened = await OpenedPage.open(test, browser);
    const { page, served, panel, row, shows } = opened;
    const { world } = served;
    const held = await world.until(served.process().locker("nightly", { holder: "web-1" }).lock());
    await world.until(served.process().locker("leader", { holder: "sched-1" }).lock());
    await shows("nightly", /held/);
    await served.pass(10_000);
    // The page is closed for three hours; the lock is released somewhere in them.
    await page.goto("about:blank");
    await world.clock.advance(HOUR_MS);
    await world.until(held.release());
    await world.clock.advance(2 * HOUR_MS);
    await page.goto(`${served.origin}/#/key/nightly?span=21600`);
    await shows("nightly", /free/);
    expect(await row("nightly").locator(".cell-since").innerText()).toBe("");
    await expect.poll(async () => (await drawn(opened, "nightly")).unknown).toBeCloseTo(0.5, 1);
    expect((await drawn(opened, "nightly")).held).toBeLessThan(0.02);
    await expect
      .poll(() => panel.innerText())
      .toMatch(/web-1\s+from \S+ to between \S+ and \S+ · between 1\d s and 3 h 1 min · released/);
    // The same holder on both sides of these hours may have released it in them.
    await page.evaluate("location.hash = '#/key/leader?span=21600'");
    await expect
      .poll(() => panel.innerText())
      .toMatch(/not watched for 3 h 0 min of it, in which it may have been released and taken again/);
    expect(await panel.innerText()).toMatch(
      /sched-1\s+from .* · 3 h 0 min, not watched for 3 h 0 min of it · still held/,
    );
    expect(await page.getByRole("list", { name: "Timeline" }).innerText()).toContain("may have been held: not seen");
  });

  it("claims nothing of the time since the service stopped answering", async (test) => {
    const opened = await OpenedPage.open(test, browser);
    const { page, served, panel, row, shows } = opened;
    await served.world.until(served.process().locker("k", { holder: "web-1" }).lock());
    await shows("k", /held/);
    await served.pass(20_000);
    await page.evaluate("location.hash = '#/key/k?span=60'");
    const fault = served.onlooker.store.failBefore("list", { error: new AccessDeniedError("could not list: 403") });
    await page.getByRole("alert").waitFor();
    await served.world.clock.advance(30_000);
    await expect.poll(async () => (await drawn(opened, "k")).unknown).toBeGreaterThan(0.45);
    // What it says is how it was when it last saw it.
    expect(await row("k").locator(".cell-since").innerText()).toMatch(/^2\d s$/);
    expect(await panel.innerText()).toMatch(/from \S+ to \S+ or later · 2\d s · still held/);
    fault.heal();
    await expect.poll(() => row("k").locator(".cell-since").innerText()).toMatch(/^5\d s$/);
    expect((await drawn(opened, "k")).unknown).toBe(0);
  });

  it("says that a hold from before the page lasts longer than seen, unless a record says since when", async (test) => {
    const statuses: LockStatus[] = [
      lock("nameless", { isHeld: true, state: "leased" }),
      heldLock("recorded", "web-1", { recordedAt: new Date(1_767_225_600_000 - 180_000) }),
    ];
    const { page, served, row, panel, shows } = await OpenedPage.open(test, browser, {
      look: async function* () {
        yield* statuses;
      },
    });
    await shows("recorded", /3 min/);
    await served.pass(6_000);
    await expect.poll(() => row("nameless").locator(".cell-since").innerText()).toMatch(/^> [67] s$/);
    await page.evaluate("location.hash = '#/key/nameless'");
    await expect.poll(() => panel.innerText()).toMatch(/Held for\s+more than \d+ s, since before \S+\s/);
    await page.evaluate("location.hash = '#/key/recorded'");
    await expect.poll(() => panel.innerText()).toMatch(/Held for\s+3 min, since .+\s+by its record/);
  });

  it("draws more than eight permits as an area of how many are held, and complains of nothing", async (test) => {
    const { page, served, row, shows, complaints } = await OpenedPage.open(test, browser);
    const { world } = served;
    const take = async (count: number, name: string): Promise<void> => {
      const taken = Array.from({ length: count }, (_, index) =>
        new Semaphore(served.process(), name, { permits: 40, holder: `c-${index}` }).acquire(),
      );
      await world.until(Promise.all(taken));
    };
    await take(8, "eight");
    await take(30, "thirty");
    await shows("thirty", /30 of 40/);
    await served.pass(5_000);
    expect(await row("eight").locator("[data-hold]").count()).toBe(8);
    expect(await row("thirty").locator("[data-hold]").count()).toBe(0);
    const area = row("thirty").locator(".area");
    const strip = await row("thirty").locator("svg.strip").boundingBox();
    const box = await area.boundingBox();
    // Three quarters of what there is room for.
    expect(box?.height).toBeCloseTo(26 * 0.75, 0);
    await page.mouse.move((strip?.x ?? 0) + (strip?.width ?? 0) - 3, (strip?.y ?? 0) + 20);
    await expect.poll(() => page.locator(".tip").innerText()).toMatch(/^30 of 40 permits held\nat \d\d:\d\d:\d\d$/);
    expect(complaints).toEqual([]);
  });

  it("calls it an alarm when all locks are gone while some are held", async (test) => {
    let statuses: LockStatus[] = [heldLock("nightly", "web-1"), heldLock("deploy", "web-2")];
    let isContainerMissing = false;
    const { page, served, panel, shows, barriers } = await OpenedPage.open(test, browser, {
      account: "acme",
      look: async function* (options) {
        if (isContainerMissing) options?.onNoContainer?.();
        yield* statuses;
      },
    });
    await shows("nightly", /held/);
    statuses = [];
    await served.pass(2_500);
    const alarm = page.getByRole("alert");
    await expect
      .poll(() => alarm.innerText())
      .toMatch(/All locks are gone while 2 were held\. Their blobs in container acme\/locks were deleted/);
    isContainerMissing = true;
    await expect.poll(() => alarm.innerText()).toMatch(/held\. Container acme\/locks was deleted/);
    expect(await page.locator(".empty").innerText()).toBe(
      "No locks are left in acme/locks: the container does not exist.",
    );
    expect(await page.getByText("hello -- sleep 60").count()).toBe(0);
    expect(await barriers()).toEqual([]);
    await alarm.getByRole("link").click();
    await expect.poll(() => panel.innerText()).toMatch(/deploy the blob was deleted/);
    statuses = [lock("nightly")];
    await alarm.waitFor({ state: "detached" });
  });
});
