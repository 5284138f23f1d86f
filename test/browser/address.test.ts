import { afterAll, describe, expect, it } from "vitest";
import { heldLock, lock } from "../support/lock-statuses.ts";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

const browser = await startChromium();
afterAll(() => browser.close());

const LOCKS = [
  heldLock("a", "web-9", { purpose: "https://ci.example.com/builds/4123" }),
  heldLock("b", "web-1"),
  lock("c"),
  heldLock("d", "web-1", { infinite: true }),
];
const look = async function* () {
  yield* LOCKS;
};

describe("the address of the status page", () => {
  it("has filter, choice, order and time in it, and a link to it opens the same view", async (test) => {
    const { page, keys } = await OpenedPage.open(test, browser, { look });
    await expect.poll(() => keys()).toEqual(["a", "b", "c", "d"]);
    await page.getByText("Held 3").click();
    await page.getByRole("columnheader", { name: "Key" }).getByRole("button").click();
    await page.getByRole("combobox", { name: "How much time" }).selectOption("1 h");
    await page.getByRole("searchbox").fill("web");
    await expect.poll(() => new URL(page.url()).hash).toBe("#/?q=web&show=held&sort=-key&span=3600");
    await page.getByRole("link", { name: "b", exact: true }).click();
    expect(new URL(page.url()).hash).toBe("#/key/b?q=web&show=held&sort=-key&span=3600");
    const other = await page.context().newPage();
    await other.goto(page.url());
    await expect.poll(() => other.locator("aside h2").innerText()).toBe("b");
    const shown = await other
      .locator("tr[data-key]")
      .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-key")));
    // Of an infinite lease no record says whose it is.
    expect(shown).toEqual(["b", "a"]);
    expect(await other.getByRole("searchbox").inputValue()).toBe("web");
    expect(await other.getByRole("columnheader", { name: "Key" }).getAttribute("aria-sort")).toBe("descending");
    expect(await other.getByRole("radio", { name: /Held/ }).isChecked()).toBe(true);
    expect(await other.getByRole("combobox", { name: "How much time" }).inputValue()).toBe("3600000");
    await other.getByRole("link", { name: "Close" }).click();
    expect(new URL(other.url()).hash).toBe("#/?q=web&show=held&sort=-key&span=3600");
  });

  it("is undone by the back button, step by step, and what was typed at once", async (test) => {
    const { page, panel, keys } = await OpenedPage.open(test, browser, { look });
    await expect.poll(() => keys()).toEqual(["a", "b", "c", "d"]);
    await page.getByRole("searchbox").pressSequentially("web-1", { delay: 20 });
    await expect.poll(() => new URL(page.url()).hash).toBe("#/?q=web-1");
    await page.getByText("Attention 0").click();
    await page.getByText("No lock matches.").waitFor();
    await page.goBack();
    await expect.poll(() => keys()).toEqual(["b"]);
    await page.getByRole("link", { name: "b", exact: true }).click();
    await panel.waitFor();
    await page.goBack();
    await panel.waitFor({ state: "detached" });
    await page.goBack();
    await expect.poll(() => keys()).toEqual(["a", "b", "c", "d"]);
    expect(await page.getByRole("searchbox").inputValue()).toBe("");
    await page.goForward();
    await expect.poll(() => page.getByRole("searchbox").inputValue()).toBe("web-1");
  });

  it("is left by the one button where no lock matches", async (test) => {
    const { page, keys } = await OpenedPage.open(test, browser, { look });
    await expect.poll(() => keys()).toHaveLength(4);
    await page.getByRole("searchbox").fill("nothing like it");
    await page.getByText("No lock matches.").waitFor();
    await page.getByRole("button", { name: "Clear filter" }).click();
    await expect.poll(() => keys()).toHaveLength(4);
    expect(new URL(page.url()).hash).toBe("#/");
  });

  it("takes any number of turns of the wheel without a word of the browser", async (test) => {
    const { page, row, complaints } = await OpenedPage.open(test, browser, { look });
    await row("a").waitFor();
    const axis = await page.locator(".axis").boundingBox();
    await page.mouse.move((axis?.x ?? 0) + 40, (axis?.y ?? 0) + 10);
    for (let turns = 0; turns < 300; turns += 1) await page.mouse.wheel(0, turns % 2 === 0 ? -60 : 40);
    await expect.poll(() => new URL(page.url()).hash).toMatch(/span=\d+/);
    expect(complaints).toEqual([]);
  });

  it("leaves the page for a purpose that is a link of https, without a word of where it came from", async (test) => {
    const { page, row, panel } = await OpenedPage.open(test, browser, { look });
    const link = row("a").getByRole("link", { name: "https://ci.example.com/builds/4123" });
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer");
    expect(await link.getAttribute("href")).toBe("https://ci.example.com/builds/4123");
    await page.context().route("https://ci.example.com/**", (route) => route.fulfill({ body: "the build" }));
    const [opened] = await Promise.all([page.context().waitForEvent("page"), link.click()]);
    await opened.getByText("the build").waitFor();
    expect(await opened.evaluate(() => [document.referrer, window.opener])).toEqual(["", null]);
    // The row was not chosen by it.
    expect(await panel.count()).toBe(0);
  });
});
