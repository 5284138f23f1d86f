import { afterAll, describe, expect, it } from "vitest";
import {
  AccessDeniedError,
  type LockerOptions,
  LockLostError,
  Once,
  ReaderWriterLock,
  Semaphore,
} from "../../src/index.ts";
import { Cli } from "../support/cli.ts";
import type { ServedPage } from "../support/served-page.ts";
import { Storage } from "../support/storage.ts";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

const browser = await startChromium();
afterAll(() => browser.close());

const lock = (served: ServedPage, key: string, holder: string, options: LockerOptions = {}) =>
  served.world.until(
    served
      .process()
      .locker(key, { holder, ...options })
      .lock(),
  );

describe("azmutex ui", () => {
  it("shows in a browser, under the link that it prints, what the service has", async (test) => {
    const storage = await Storage.start();
    test.onTestFinished(() => storage[Symbol.asyncDispose]());
    const { containerName } = await storage.newContainer();
    const env = { AZURE_STORAGE_CONNECTION_STRING: storage.proxy.connectionString };
    const cli = new Cli(test, ["ui", "--port", "0", "--container", containerName], { env });
    const [link] = await cli.printed(/^http:.*$/m);
    const page = await browser.newPage();
    test.onTestFinished(() => page.close());
    await page.goto(link);
    await page.getByText("No locks in container").waitFor();
    expect(await page.title()).toBe(`Locks in ${storage.proxy.url.replace("http://", "")}/${containerName}`);
    const held = await storage.mutex(containerName).locker("nightly", { holder: "web-3" }).lock();
    const row = page.locator('tr[data-key="nightly"]');
    await expect.poll(() => row.innerText()).toMatch(/held\s+nightly\s+web-3/);
    await held.release();
    await expect.poll(() => row.innerText()).toMatch(/free/);
  });
});

describe("the status page", () => {
  it("says what to do where there are no locks, and shows the first one without being asked", async (test) => {
    const { page, served, row, shows } = await OpenedPage.open(test, browser, { container: "other" });
    await page.getByText("No locks in container other").waitFor();
    expect(await page.locator("pre").innerText()).toBe("azmutex run --container other hello -- sleep 60");
    const missing = page.getByText("The container does not exist");
    expect(await missing.count()).toBe(0);
    await served.world.memory.deleteContainer();
    await missing.waitFor();
    await served.world.memory.createContainer();
    await missing.waitFor({ state: "detached" });
    await lock(served, "nightly", "web-3:17", { purpose: "schema 42" });
    await shows("nightly", /held\s+nightly\s+web-3:17\s+\d s\s+schema 42/);
    expect(await row("nightly").locator("[data-hold]").count()).toBe(1);
  });

  it("says in its header and in the tab's title which account and container it shows", async (test) => {
    const { page, row, served } = await OpenedPage.open(test, browser, { account: "acme", container: "other" });
    await page.getByText("No locks in container acme/other").waitFor();
    expect(await page.title()).toBe("Locks in acme/other");
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("Locks in acme/other");
    await lock(served, "nightly", "web-3:17");
    await row("nightly").waitFor();
    await page.goto(`${served.origin}/#/key/never`);
    await page.getByText("Nothing is known of never in acme/other").waitFor();
  });

  it("shows a lock as it is taken, waited for, handed on, released and lost", async (test) => {
    const { page, served, panel, row, shows } = await OpenedPage.open(test, browser);
    const { world } = served;
    const first = await lock(served, "nightly", "web-1", { fair: true, purpose: "schema 42" });
    await shows("nightly", /held.*web-1/s);
    const second = served.process().locker("nightly", { holder: "web-2", fair: true, leaseSeconds: 15 }).lock();
    second.catch(() => undefined);
    await world.clock.advance(4_000);
    void served.process().locker("nightly", { holder: "web-3", fair: true }).lock();
    await world.clock.advance(3_000);
    await row("nightly").getByRole("link").click();
    await expect
      .poll(() => panel.getByRole("listitem").allInnerTexts())
      .toMatchObject([/^web-2\s+7 s$/, /^web-3\s+3 s$/, /^web-1 schema 42/].map((line) => expect.stringMatching(line)));
    expect(await panel.locator("ol").getByRole("listitem").count()).toBe(2);

    await world.until(first.release());
    await world.until(second);
    await shows("nightly", /held.*web-2/s);
    expect(await row("nightly").locator("[data-hold]").count()).toBe(2);
    await expect.poll(() => panel.innerText()).toMatch(/web-1 schema 42\s+.* · (released|another holder had it)/);

    await served.onlooker.mutex.break("nightly", { periodSeconds: 10 });
    await shows("nightly", /breaking.*web-2/s);
    await world.clock.advance(60_000);
    await expect.poll(() => page.locator("a.losses").innerText()).toBe("1 loss");
    await shows("nightly", /held.*web-3/s);
    await page.locator("a.losses").click();
    await expect.poll(() => panel.innerText()).toMatch(/nightly broken, not from this page\s+.*web-2/);
    expect((await second).signal.reason).toBeInstanceOf(LockLostError);
  });

  it("tells a lease that ran out from one that was released", async (test) => {
    const { page, served, shows, panel } = await OpenedPage.open(test, browser);
    const { world } = served;
    // It is cut off: it neither renews nor releases.
    const crashed = world.process();
    await world.until(crashed.mutex.locker("reports", { holder: "batch-2", leaseSeconds: 15 }).lock());
    const released = await lock(served, "deploy", "build-7");
    await shows("reports", /held/);
    await world.until(released.release());
    crashed.store.hang("all");
    await world.clock.advance(20_000);
    await shows("reports", /ran out/);
    await shows("deploy", /free/);
    await page.locator("a.losses").click();
    await expect
      .poll(() => panel.getByRole("listitem").allInnerTexts())
      .toEqual([expect.stringMatching(/^reports the lease ran out\n.*batch-2$/)]);
  });

  it("shows permits, readers, infinite leases and unnamed holders", async (test) => {
    const { page, served, panel, shows } = await OpenedPage.open(test, browser);
    const { world } = served;
    await world.until(
      new Semaphore(served.process(), "api", { permits: 5, holder: "crawler-1", purpose: "crawl" }).acquire(),
    );
    await world.until(new ReaderWriterLock(served.process(), "index", { holder: "search-1" }).read.lock());
    await served.process().acquire("maintenance", "infinite");
    await served.process().acquire("go", 60);
    await shows("api", /1 of 5.*crawler-1/s);
    await shows("index", /1 reader.*search-1/s);
    await shows("maintenance", /held, infinite.*an unnamed holder/s);
    await shows("go", /held.*an unnamed holder/s);
    await page.evaluate("location.hash = '#/key/api'");
    await expect.poll(() => panel.innerText()).toMatch(/Permits: 1 of 5 held\s+\d crawler-1 crawl/);
    await page.evaluate("location.hash = '#/key/maintenance'");
    await expect.poll(() => panel.innerText()).toContain("infinite: it ends when it is released or broken");
  });

  it("shows the last slot of a job, and what came of it", async (test) => {
    const { page, served, panel, row } = await OpenedPage.open(test, browser);
    const { world } = served;
    const nightly = new Once(served.process(), "nightly", { holder: "web-3:17" });
    let end = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      void nightly.run("2026-11-30", () => {
        resolve();
        return new Promise<void>((done) => (end = done));
      });
    });
    await world.until(begun);
    await row("nightly").waitFor();
    await page.evaluate("location.hash = '#/key/nightly'");
    await expect.poll(() => panel.innerText()).toMatch(/Last slot\s+slot 2026-11-30 started\s+by web-3:17, /);
    end();
    await world.until(nightly.last());
    await expect.poll(() => panel.innerText()).toMatch(/Last slot\s+slot 2026-11-30 done\s+by web-3:17, /);
  });

  it("filters, chooses and sorts, and says so to those who do not see it", async (test) => {
    const { page, served, keys, shows } = await OpenedPage.open(test, browser);
    await lock(served, "a", "web-9");
    await served.world.clock.advance(30_000);
    await lock(served, "b", "web-1", { purpose: "Schema 42" });
    const c = await lock(served, "c", "web-5");
    await served.world.until(c.release());
    await shows("c", /free/);
    const filter = page.getByRole("searchbox", { name: "Filter by key, holder or purpose" });
    for (const [text, expected] of [
      ["web-9", ["a"]],
      ["schema", ["b"]],
      ["", ["a", "b", "c"]],
    ] as const) {
      await filter.fill(text);
      await expect.poll(() => keys()).toEqual(expected);
    }
    await page.getByText("Free 1").click();
    await expect.poll(() => keys()).toEqual(["c"]);
    expect(await page.getByRole("status").innerText()).toBe("1 of 3 locks");
    await page.getByText("All 3").click();

    const heldFor = page.getByRole("columnheader", { name: "Held for" });
    expect(await heldFor.getAttribute("aria-sort")).toBe("none");
    await heldFor.getByRole("button").click();
    await expect.poll(() => keys()).toEqual(["a", "b", "c"]);
    expect(await heldFor.getAttribute("aria-sort")).toBe("descending");
    await heldFor.getByRole("button").click();
    await expect.poll(() => keys()).toEqual(["b", "a", "c"]);
    expect(await heldFor.getAttribute("aria-sort")).toBe("ascending");
    await page.getByRole("columnheader", { name: "Holder" }).getByRole("button").click();
    await expect.poll(() => keys()).toEqual(["b", "a", "c"]);
  });

  it("leads to any key by its address, also in a tab of its own", async (test) => {
    const key = "reports/ü & <b>?#%";
    const { page, served, panel } = await OpenedPage.open(test, browser);
    await lock(served, key, "web-1");
    await page.getByRole("link", { name: key }).click();
    const address = page.url();
    expect(decodeURIComponent(address.split("#/key/")[1] ?? "")).toBe(key);
    const other = await page.context().newPage();
    await other.goto(address);
    await expect.poll(() => other.locator("aside h2").innerText()).toBe(key);
    await expect.poll(() => other.locator("aside").innerText()).toContain("web-1");
    await other.goto(`${served.origin}/#/key/not%20known`);
    await expect.poll(() => other.locator("aside").innerText()).toContain("Nothing is known of not known");
    await page.goBack();
    await panel.waitFor({ state: "detached" });
  });

  it("shows who held what when under the pointer, and zooms by wheel and by buttons", async (test) => {
    const { page, served, row, shows } = await OpenedPage.open(test, browser);
    const first = await lock(served, "k", "web-1", { purpose: "schema 42" });
    await shows("k", /held/);
    for (let looks = 0; looks < 4; looks += 1) await served.pass(30_000);
    await served.world.until(first.release());
    await shows("k", /free/);
    await served.world.clock.advance(120_000);
    const window = page.getByRole("columnheader", { name: /^Who held it/ });
    await expect.poll(() => window.innerText()).toContain("the last 4 min");
    const hold = row("k").locator("[data-hold] .hold");
    await hold.hover();
    expect(await page.locator(".tip").innerText()).toMatch(/web-1\nschema 42\n.*to \d\d:\d\d:\d\d, 2 min\nreleased/);
    const width = async () => (await hold.boundingBox())?.width ?? 0;
    const before = await width();
    await page.getByRole("button", { name: "Show more time" }).click();
    await expect.poll(async () => (await width()) / before).toBeCloseTo(0.5, 1);
    await page.getByRole("button", { name: "Show less time" }).click();
    await expect.poll(async () => (await width()) / before).toBeCloseTo(1, 1);
    expect(await page.getByRole("button", { name: "Now" }).isDisabled()).toBe(true);
    const axis = await page.locator(".axis").boundingBox();
    await page.mouse.move((axis?.x ?? 0) + 5, (axis?.y ?? 0) + 10);
    await page.mouse.wheel(0, -300);
    await expect.poll(async () => (await width()) / before).toBeGreaterThan(1.2);
    // What is shown ends before now.
    await page.getByRole("button", { name: "Now" }).click();
    await expect.poll(() => page.getByRole("columnheader", { name: /Who held it, the last/ }).count()).toBe(1);
  });

  it("ticks without asking the service", async (test) => {
    const { page, served, row, shows } = await OpenedPage.open(test, browser);
    await lock(served, "k", "web-1");
    await shows("k", /web-1\s+\d s/);
    // From here on the page gets no answer.
    await page.route("**/locks*", () => undefined);
    const before = served.onlooker.store.count("list");
    const seconds = async () => Number(/(\d+) s/.exec(await row("k").innerText())?.[1]);
    const shown = await seconds();
    await expect.poll(seconds).toBeGreaterThan(shown + 1);
    expect(served.onlooker.store.count("list") - before).toBeLessThanOrEqual(1);
  });

  it("asks less often while it is not visible", async (test) => {
    const { page, served } = await OpenedPage.open(test, browser);
    await page.getByText("No locks in container").waitFor();
    const { store } = served.onlooker;
    await expect.poll(() => store.count("list")).toBeGreaterThan(5);
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    // Several a second while it is seen; then one in half a minute.
    const inOneSecond = async () => {
      const before = store.count("list");
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return store.count("list") - before;
    };
    await expect.poll(inOneSecond).toBe(0);
    const hidden = store.count("list");
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: false, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await expect.poll(() => store.count("list")).toBeGreaterThan(hidden + 2);
  });

  it("says what is wrong, keeps what it knows, and goes on by itself", async (test) => {
    const { page, served, shows } = await OpenedPage.open(test, browser);
    await lock(served, "k", "web-1");
    await shows("k", /held/);
    const fault = served.onlooker.store.failBefore("list", {
      error: new AccessDeniedError("could not list: 403 AuthorizationFailure"),
    });
    await expect
      .poll(() => page.getByRole("alert").innerText())
      .toMatch(/^Access denied. could not list: 403 AuthorizationFailure. Since .* asked again/);
    await expect.poll(() => page.locator(".liveness").innerText()).toMatch(/^not live, updated/);
    await shows("k", /held.*web-1/s);
    fault.heal();
    await page.getByRole("alert").waitFor({ state: "detached" });
    await expect.poll(() => page.locator(".liveness").innerText()).toMatch(/^live/);
  });

  it("says that its server is gone", async (test) => {
    const { page, served, shows } = await OpenedPage.open(test, browser);
    await lock(served, "k", "web-1");
    await shows("k", /held/);
    await served[Symbol.asyncDispose]();
    await expect.poll(() => page.getByRole("alert").innerText()).toContain("The page's server does not answer.");
    await shows("k", /held/);
  });
});
