import { afterAll, describe, expect, it } from "vitest";
import { AccessDeniedError, Semaphore } from "../../src/index.ts";
import type { ServedPage } from "../support/served-page.ts";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

const browser = await startChromium();
afterAll(() => browser.close());

/** Something of everything. */
async function furnish(served: ServedPage): Promise<void> {
  const { world } = served;
  const hold = (key: string, holder: string) =>
    world.until(served.process().locker(key, { holder, fair: true, purpose: "schema 42" }).lock());
  await hold("nightly", "web-1");
  served
    .process()
    .locker("nightly", { holder: "web-2", fair: true })
    .lock()
    .catch(() => undefined);
  await world.clock.advance(3_000);
  await world.until(new Semaphore(served.process(), "api", { permits: 2, holder: "crawler-1" }).acquire());
  await world.until((await hold("deploy", "build-7")).release());
  await hold("scheduler", "sched-1");
  await served.onlooker.mutex.break("scheduler");
  await served.process().acquire("maintenance", "infinite");
}

describe("the status page for every user", () => {
  it.for([
    ["light", 1_280],
    ["dark", 1_280],
    ["light", 400],
    ["dark", 400],
  ] as const)(
    "has no barrier that axe finds, %s and %d wide, and breaks no policy",
    async ([colorScheme, width], test) => {
      const viewport = { width, height: 800 };
      const { page, served, panel, row, shows, barriers, complaints } = await OpenedPage.open(test, browser, {
        mayBreak: true,
        colorScheme,
        viewport,
      });
      await page.getByText("No locks in container").waitFor();
      expect(await barriers()).toEqual([]);
      await furnish(served);
      await shows("maintenance", /infinite/);
      expect(await barriers()).toEqual([]);
      for (const route of ["#/key/nightly", "#/key/api", "#/losses", "#/key/unknown"]) {
        await page.evaluate((hash) => {
          location.hash = hash;
        }, route);
        await panel.waitFor();
        expect([route, await barriers()]).toEqual([route, []]);
      }
      await page.evaluate("location.hash = '#/key/nightly'");
      await panel.getByRole("button", { name: "Break the lock…" }).click();
      await page.getByRole("dialog").waitFor();
      expect(await barriers()).toEqual([]);
      await page.getByRole("textbox").fill("nightly");
      await page.getByRole("button", { name: "Break the lock", exact: true }).click();
      await page.getByRole("status").filter({ hasText: "Broken." }).waitFor();
      expect(await barriers()).toEqual([]);
      await page.keyboard.press("Escape");
      served.onlooker.store.failBefore("list", { error: new AccessDeniedError("could not list: 403") });
      await page.getByRole("alert").waitFor();
      expect(await barriers()).toEqual([]);
      expect(await row("nightly").count()).toBe(1);
      expect(complaints).toEqual([]);
      // Nothing is to be reached by scrolling sideways.
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    },
  );

  it("would be told of a barrier, and of what the policy forbids", async (test) => {
    const { page, barriers, complaints } = await OpenedPage.open(test, browser);
    await page.getByText("No locks in container").waitFor();
    await page.evaluate(() => {
      document.body.insertAdjacentHTML("beforeend", '<button></button><p style="color: red">inline</p>');
    });
    expect((await barriers()).join()).toContain("button-name");
    await expect.poll(() => complaints.join()).toContain("policy: style-src");
  });

  it("is used from the link to the broken lock by the keyboard alone", async (test) => {
    const { page, served, panel, shows, keys, complaints } = await OpenedPage.open(test, browser, { mayBreak: true });
    await furnish(served);
    await shows("scheduler", /breaking/);
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    const press = (...names: readonly string[]) =>
      names.reduce<Promise<void>>((before, name) => before.then(() => page.keyboard.press(name)), Promise.resolve());
    expect(await keys()).toEqual(["api", "deploy", "maintenance", "nightly", "scheduler"]);

    // To the filter, away from it, through the table.
    await press("/");
    await page.keyboard.type("t");
    await expect.poll(() => keys()).toEqual(["maintenance", "nightly"]);
    await press("Control+A", "Delete");
    await expect.poll(() => keys()).toHaveLength(5);
    const tabTo = async (text: string): Promise<void> => {
      for (let tabs = 0; tabs < 30 && (await focused()) !== text; tabs += 1) await press("Tab");
      expect(await focused()).toBe(text);
    };
    await tabTo("api");
    await press("ArrowDown", "ArrowDown");
    await expect.poll(() => focused()).toBe("maintenance");
    await press("End");
    await expect.poll(() => focused()).toBe("scheduler");
    await press("Home", "ArrowDown", "ArrowDown", "ArrowDown", "Enter");
    await expect.poll(() => panel.locator("h2").innerText()).toBe("nightly");
    // Into the panel, and back to where one was.
    await expect.poll(() => focused()).toBe("nightly");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("H2");
    await press("Escape");
    await panel.waitFor({ state: "detached" });
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("A");
    expect(await focused()).toBe("nightly");

    await press("Enter");
    await tabTo("Break the lock…");
    await press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("nightly");
    await press("Enter");
    await page.getByRole("status").filter({ hasText: "Broken." }).waitFor();
    await press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await shows("nightly", /breaking/);
    expect(complaints).toEqual([]);
  });

  it("sorts and zooms by the keyboard", async (test) => {
    const { page, served, shows, keys } = await OpenedPage.open(test, browser);
    await furnish(served);
    await shows("scheduler", /breaking/);
    await page.getByRole("columnheader", { name: "Key" }).getByRole("button").focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => keys()).toEqual(["scheduler", "nightly", "maintenance", "deploy", "api"]);
    const window = () => page.locator("th.cell-timeline .unseen").textContent();
    expect(await window()).toBe("Who held it, the last 60 s");
    await page.getByRole("button", { name: "Show more time" }).focus();
    await page.keyboard.press("Space");
    await expect.poll(window).toBe("Who held it, the last 2 min");
  });

  it("is dark or light as the system is, or as was chosen, and stays so", async (test) => {
    const { page } = await OpenedPage.open(test, browser, { colorScheme: "dark" });
    await page.getByText("No locks in container").waitFor();
    const brightness = () =>
      page.evaluate(() => {
        const channels = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? [];
        return channels.slice(0, 3).reduce((sum, channel) => sum + Number(channel), 0) / 3;
      });
    expect(await brightness()).toBeLessThan(60);
    await page.getByRole("combobox", { name: "Colours" }).selectOption("light");
    expect(await brightness()).toBeGreaterThan(200);
    await page.reload();
    await page.getByText("No locks in container").waitFor();
    expect(await brightness()).toBeGreaterThan(200);
    await page.getByRole("combobox", { name: "Colours" }).selectOption("auto");
    expect(await brightness()).toBeLessThan(60);
    await page.emulateMedia({ colorScheme: "light" });
    expect(await brightness()).toBeGreaterThan(200);
  });

  it("moves nothing where no motion is wanted", async (test) => {
    const { page } = await OpenedPage.open(test, browser, { reducedMotion: "reduce" });
    await page.getByText("No locks in container").waitFor();
    const running = () => page.evaluate("document.getAnimations().length");
    expect(await running()).toBe(0);
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await expect.poll(running).toBe(1);
  });
});
