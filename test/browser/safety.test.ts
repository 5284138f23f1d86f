import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

/** A foreign name that leads to this machine. */
const EVIL = "evil.example";
const browser = await startChromium([`--host-resolver-rules=MAP ${EVIL} 127.0.0.1`]);
afterAll(() => browser.close());

/** A foreign server on this machine, with a page that knows nothing but where ours is. */
async function otherSite(test: TestContext): Promise<{ readonly port: number; readonly cookies: string[] }> {
  const cookies: string[] = [];
  const server = createServer(({ headers }, response) => {
    if (headers.cookie !== undefined) cookies.push(headers.cookie);
    response.setHeader("Content-Type", "text/html").end("<!doctype html><title>other</title>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  test.onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, cookies };
}

describe("the status page, to those who were not given its link", () => {
  it("says so, and shows no lock", async (test) => {
    const { page, served, barriers } = await OpenedPage.open(test, browser, { at: "/" });
    await served.process().acquire("secret-key", 60);
    await expect.poll(() => page.getByRole("alert").innerText()).toContain("Open the link that azmutex ui has printed");
    expect(await page.content()).not.toContain("secret-key");
    expect(served.onlooker.store.count("list")).toBe(0);
    expect(await barriers()).toEqual([]);
  });

  it("is nothing under a foreign name", async (test) => {
    const { page, served } = await OpenedPage.open(test, browser);
    await page.getByText("No locks in container").waitFor();
    const answer = await page.goto(served.link.replace("127.0.0.1", EVIL));
    expect(answer?.status()).toBe(403);
    const { port } = new URL(served.origin);
    const read = await page.evaluate(
      async ([path, token]) => (await fetch(path ?? "", { headers: { "x-azmutex-token": token ?? "" } })).status,
      ["/locks", served.token],
    );
    expect([read, port]).toEqual([403, port]);
  });

  it("gives other pages of the machine nothing to read, send or use, even with its cookie", async (test) => {
    const { page, served } = await OpenedPage.open(test, browser, { mayBreak: true });
    await served.process().acquire("k", 60);
    await page.locator("tr[data-key]").waitFor();
    const { port, cookies } = await otherSite(test);
    for (const host of [`127.0.0.1:${port}`, `${EVIL}:${port}`]) {
      await page.goto(`http://${host}/`);
      const tried = await page.evaluate(
        async ([origin, token]) => {
          const body = JSON.stringify({ key: "k", typed: "k", part: { kind: "lock" }, atOnce: true });
          const credentials = "include";
          const outcome = async (path: string, request: RequestInit): Promise<string> => {
            try {
              const { type, status } = await fetch(`${origin}${path}`, request);
              return `${type} ${status}`;
            } catch {
              return "refused";
            }
          };
          return [
            await outcome("/locks", { credentials }),
            await outcome("/locks", { credentials, headers: { "x-azmutex-token": token ?? "" } }),
            await outcome("/break", {
              credentials,
              method: "POST",
              body,
              headers: { "x-azmutex-token": token ?? "", "content-type": "application/json" },
            }),
            // It is sent, and not read: what it does is what counts.
            await outcome("/break", { credentials, mode: "no-cors", method: "POST", body }),
          ];
        },
        [served.origin, served.token],
      );
      expect(tried).toEqual(["refused", "refused", "refused", expect.stringMatching(/^(opaque 0|refused)$/)]);
    }
    expect(await served.world.leaseState("k")).toBe("leased");
    // Cookies know no ports, so a server on this machine may be sent ours. It opens nothing without the token.
    for (const cookie of cookies) {
      const { status } = await fetch(`${served.origin}/locks`, { headers: { cookie } });
      expect(status).toBe(401);
    }
  });

  it("is in no frame", async (test) => {
    const { page, served } = await OpenedPage.open(test, browser);
    await page.getByText("No locks in container").waitFor();
    const { port } = await otherSite(test);
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.evaluate((link) => {
      const frame = document.createElement("iframe");
      frame.src = link;
      document.body.append(frame);
      return new Promise((resolve) => frame.addEventListener("load", resolve));
    }, served.link);
    expect(await page.frames()[1]?.evaluate("document.body.innerText")).not.toContain("Locks in");
  });

  it("keeps its token out of the address, and lets a new one in after a restart", async (test) => {
    const { page, served } = await OpenedPage.open(test, browser);
    await page.getByText("No locks in container").waitFor();
    expect(page.url()).toBe(`${served.origin}/#/`);
    await page.reload();
    await page.getByText("No locks in container").waitFor();
    // Of an earlier run.
    await page.evaluate(() => localStorage.setItem("azmutex-token", "x".repeat(43)));
    await page.reload();
    await page.getByRole("alert").waitFor();
    await page.goto(served.link);
    await page.reload();
    await page.getByText("No locks in container").waitFor();
  });
});

describe("breaking a lock on the page", () => {
  it("is not offered without --allow-break, and how to get it is", async (test) => {
    const { page, served, panel, row } = await OpenedPage.open(test, browser, { container: "other" });
    await served.process().acquire("it's mine", 60);
    await row("it's mine").getByRole("link").click();
    await expect.poll(() => panel.innerText()).toContain("azmutex ui --allow-break");
    expect(await panel.innerText()).toContain(`azmutex break --container other 'it'\\''s mine'`);
    expect(await page.getByRole("button", { name: /break/i }).count()).toBe(0);
  });

  it("names the lock, where it is, its holder and since when, and asks for the key", async (test) => {
    const { page, served, panel, row, shows, complaints } = await OpenedPage.open(test, browser, {
      mayBreak: true,
      account: "acme",
    });
    const { world } = served;
    const held = await world.until(
      served.process().locker("nightly", { holder: "web-3:17", purpose: "schema 42" }).lock(),
    );
    await shows("nightly", /held/);
    await world.clock.advance(180_000);
    await row("nightly").getByRole("link").click();
    await panel.getByRole("button", { name: "Break the lock…" }).click();
    const dialog = page.getByRole("dialog");
    await expect
      .poll(() => dialog.innerText())
      .toMatch(/web-3:17 will be stopped: azmutex run ends its command.*Purpose: schema 42\. Held for 3 min\./);
    expect(await dialog.innerText()).toMatch(/^Break the lock nightly in acme\/locks$/m);
    expect(await dialog.innerText()).toMatch(
      /When its lease ends, in at most 30 s\.[\s\S]*At once\.[\s\S]*two may be at work/,
    );
    const go = dialog.getByRole("button", { name: "Break the lock", exact: true });
    const typed = dialog.getByRole("textbox");
    expect(await typed.evaluate((input) => input === document.activeElement)).toBe(true);
    for (const text of ["", "nightl", "Nightly", "nightly "]) {
      await typed.fill(text);
      expect([text, await go.isDisabled()]).toEqual([text, true]);
    }
    await typed.fill("nightly");
    await go.click();
    await expect.poll(() => dialog.getByRole("status").innerText()).toMatch(/^Broken\. Free in \d+ s\.$/);
    await dialog.getByRole("button", { name: "Close" }).click();
    await shows("nightly", /breaking/);
    await world.clock.advance(30_000);
    expect(held.signal.aborted).toBe(true);
    await shows("nightly", /broken|free/);
    expect(complaints).toEqual([]);
  });

  it("counts a breaking lock down, says that it is not renewed, and who broke it", async (test) => {
    const { page, served, panel, row, shows } = await OpenedPage.open(test, browser, { mayBreak: true });
    const { world } = served;
    await world.until(served.process().locker("mine", { holder: "web-1" }).lock());
    await world.until(served.process().locker("theirs", { holder: "web-2", leaseSeconds: 20 }).lock());
    await shows("theirs", /held/);
    await row("mine").getByRole("link").click();
    await panel.getByRole("button", { name: "Break the lock…" }).click();
    await page.getByRole("dialog").getByRole("textbox").fill("mine");
    await page.getByRole("dialog").getByRole("button", { name: "Break the lock", exact: true }).click();
    await page.getByRole("dialog").getByRole("status").waitFor();
    await page.keyboard.press("Escape");
    await served.onlooker.mutex.break("theirs");
    await shows("mine", /breaking\s*\d+ s/);
    await shows("theirs", /breaking\s*\d+ s/);
    const shown = /not renewed any more, and is free in \d+ s/;
    await expect.poll(() => panel.innerText()).toMatch(shown);
    expect(await panel.innerText()).toContain("breaking from this page, by alice@laptop");
    expect(await panel.innerText()).toContain("broken from this page, by alice@laptop");
    const left = async () => Number(/breaking\s*(\d+) s/.exec(await row("theirs").innerText())?.[1]);
    const before = await left();
    expect(before).toBeLessThanOrEqual(20);
    await served.pass(5_000);
    await expect.poll(left).toBeLessThanOrEqual(before - 5);
    await page.evaluate("location.hash = '#/key/theirs'");
    await expect
      .poll(() => panel.innerText())
      .toMatch(/breaking, not from this page: it is not renewed any more, and is free in at most \d+ s/);
    expect(await panel.innerText()).not.toContain("only its holder knows");
    await world.clock.advance(25_000);
    await shows("mine", /broken|free/);
    await page.evaluate("location.hash = '#/key/mine'");
    await expect.poll(() => panel.innerText()).toMatch(/web-1\s+from .* lost: broken from this page, by alice@laptop/);
  });

  it("shows what cannot be seen in a key, and takes it for the key as it is shown", async (test) => {
    const key = "gpj.\u202eexe\u00a0\u200b";
    const shown = "gpj.\\u{202e}exe\\xa0\\u{200b}";
    const { page, served, panel } = await OpenedPage.open(test, browser, { mayBreak: true });
    const { world } = served;
    await world.until(served.process().locker(key, { holder: "web\u2066-1", purpose: "\u202eschema" }).lock());
    const link = page.getByRole("link", { name: shown });
    expect(await link.textContent()).toBe(shown);
    await link.click();
    await expect.poll(() => panel.locator("h2").textContent()).toBe(shown);
    await panel.getByRole("button", { name: "Break the lock…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill(shown);
    await dialog.getByRole("button", { name: "Break the lock", exact: true }).click();
    await expect.poll(() => dialog.getByRole("status").innerText()).toContain("Broken.");
    expect(await world.leaseState(key)).toBe("breaking");
    // Of what another process wrote, nothing that cannot be seen is in the text of the page.
    expect(await page.evaluate("document.body.textContent")).not.toMatch(/[\u202e\u2066\u200b]/);
  });

  it("breaks at once if that is chosen, and no holder but the one it named", async (test) => {
    const { page, served, panel, row, shows } = await OpenedPage.open(test, browser, { mayBreak: true });
    const { world } = served;
    const first = await world.until(served.process().locker("k", { holder: "web-1" }).lock());
    await shows("k", /web-1/);
    await row("k").getByRole("link").click();
    await panel.getByRole("button", { name: "Break the lock…" }).click();
    const dialog = page.getByRole("dialog");
    // Another process takes it while the question stands there.
    await world.until(first.release());
    const second = await world.until(served.process().locker("k", { holder: "web-2" }).lock());
    await shows("k", /web-2/);
    expect(await dialog.innerText()).toContain("web-1 will be stopped");
    await dialog.getByRole("radio", { name: /^At once/ }).check();
    await dialog.getByRole("textbox").fill("k");
    await dialog.getByRole("button", { name: "Break the lock now" }).click();
    await expect.poll(() => dialog.getByRole("status").innerText()).toBe("By now web-2 has it: nothing was changed.");
    expect(await world.leaseState("k")).toBe("leased");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await panel.getByRole("button", { name: "Break the lock…" }).click();
    await dialog.getByRole("radio", { name: /^At once/ }).check();
    await dialog.getByRole("textbox").fill("k");
    await dialog.getByRole("button", { name: "Break the lock now" }).click();
    await expect.poll(() => dialog.getByRole("status").innerText()).toBe("Broken, and free now.");
    await shows("k", /broken/);
    await world.clock.advance(15_000);
    expect(second.signal.reason).toMatchObject({ why: "broken" });
  });

  it("breaks a permit and a reader, and leaves the others alone", async (test) => {
    const { page, served, panel, shows } = await OpenedPage.open(test, browser, { mayBreak: true });
    const { world } = served;
    const { ReaderWriterLock, Semaphore } = await import("../../src/index.ts");
    const permits = [];
    for (const holder of ["p-1", "p-2"])
      permits.push(await world.until(new Semaphore(served.process(), "api", { permits: 2, holder }).acquire()));
    const readers = [];
    for (const holder of ["r-1", "r-2"])
      readers.push(await world.until(new ReaderWriterLock(served.process(), "index", { holder }).read.lock()));
    await shows("api", /2 of 2/);
    const dialog = page.getByRole("dialog");
    const confirm = async (key: string, action: string): Promise<void> => {
      await dialog.getByRole("textbox").fill(key);
      await dialog.getByRole("button", { name: action }).click();
      await expect.poll(() => dialog.getByRole("status").innerText()).toContain("Broken.");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    };
    await page.evaluate("location.hash = '#/key/api'");
    await panel.getByRole("button", { name: `Break permit ${permits[1]?.slot}` }).click();
    expect(await dialog.innerText()).toContain("p-2 will be stopped");
    await confirm("api", "Break the permit");
    await page.evaluate("location.hash = '#/key/index'");
    await panel.getByRole("button", { name: "Break a read lock…" }).click();
    await dialog.getByRole("combobox").selectOption("r-1");
    await confirm("index", "Break the read lock");
    await world.clock.advance(30_000);
    expect([...permits, ...readers].map(({ isHeld }) => isHeld)).toEqual([true, false, false, true]);
  });

  it("says what went wrong, and that it is not known where there was no answer", async (test) => {
    const { page, served, panel, row } = await OpenedPage.open(test, browser, { mayBreak: true });
    await served.process().acquire("k", 60);
    await row("k").getByRole("link").click();
    await panel.getByRole("button", { name: "Break the lock…" }).click();
    await page.route("**/break", (route) => route.abort());
    const dialog = page.getByRole("dialog");
    expect(await dialog.innerText()).toContain("It left no name");
    await dialog.getByRole("textbox").fill("k");
    await dialog.getByRole("button", { name: "Break the lock", exact: true }).click();
    await expect.poll(() => dialog.getByRole("alert").innerText()).toContain("it may have been broken or not");
    expect(await served.world.leaseState("k")).toBe("leased");
  });
});
