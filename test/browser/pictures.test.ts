import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { LockStatus } from "../../src/index.ts";
import { heldLock, holder, lock } from "../support/lock-statuses.ts";
import { PROJECT } from "../support/sources.ts";
import { startChromium } from "./support/chromium.ts";
import { OpenedPage } from "./support/opened-page.ts";

// The pictures of docs/ui.md. They are made by
// `PICTURES=docs npx vitest run --project browser test/browser/pictures.test.ts`.
const FOLDER = join(PROJECT, process.env.PICTURES ?? "temp");

/** Where the clock of a served page begins, in milliseconds since 1970. */
const BEGAN = 1_767_225_600_000;
const STEP_SECONDS = 10;
const END_SECONDS = 590;
/** The page is closed meanwhile. */
const CLOSED = { from: 230, to: 380 };

const browser = await startChromium();
afterAll(() => browser.close());

/** Who has a lock, from and to which second. */
type Turn = readonly [name: string, from: number, to: number, purpose?: string];
const FOR_EVER = Number.POSITIVE_INFINITY;
const TURNS: Readonly<Record<string, readonly Turn[]>> = {
  "billing/close-month": [["batch-2:71", 60, FOR_EVER, "October"]],
  "cache/warm-up": [
    ["worker-1:9", 60, 125],
    ["worker-3:4", 420, 515],
  ],
  "exports/weekly": [["batch-1:8", 450, 515]],
  "leader/scheduler": [["sched-a:1", -3_960, FOR_EVER, "term 7"]],
  "migrate/shop": [
    ["build-7:4118", 2, 215, "https://ci.example.com/runs/41"],
    ["build-7:4123", 400, FOR_EVER, "https://ci.example.com/runs/42"],
  ],
  "nightly/report": [
    ["web-1:12", -4, 125, "24 Nov"],
    ["web-3:14", 130, 410, "24 Nov"],
    ["web-2:33", 410, FOR_EVER, "24 Nov"],
  ],
  "orders/20417": [
    ["shop-2:7", 60, 145],
    ["shop-1:5", 430, 515],
  ],
};

const at = (second: number): Date => new Date(BEGAN + second * 1_000);

/** The lock as its last holder by then shows it. */
function turnAt(key: string, turns: readonly Turn[], second: number): LockStatus[] {
  const last = turns.findLast(([, from]) => from <= second);
  if (!last) return [];
  const [name, from, to, purpose] = last;
  const record = { recordedAt: at(from), highestToken: (BEGAN / 1_000 + from) * 1_000_000 + 1_023 };
  const held = heldLock(key, name, { ...record, ...(purpose !== undefined && { purpose }) });
  if (second >= to) return [{ ...held, isHeld: false, state: key === "exports/weekly" ? "expired" : "available" }];
  if (key === "billing/close-month" && second >= END_SECONDS - STEP_SECONDS) return [{ ...held, state: "breaking" }];
  return [held];
}

function semaphore(key: string, permits: number, count: number, name: string): LockStatus {
  const held = Array.from({ length: count }, (_, slot) => ({
    slot,
    state: "leased" as const,
    holder: holder(`${name}-${slot}:${slot + 1}`),
  }));
  return lock(key, { state: "missing", kind: "semaphore", semaphore: { permits, held } });
}

/** All locks at a second. */
function scene(second: number): LockStatus[] {
  const waiting = [
    { holder: holder("web-4:8"), since: at(510) },
    { holder: holder("web-5:21"), since: at(550) },
  ].filter(({ since }) => since <= at(second));
  const locks = Object.entries(TURNS).flatMap(([key, turns]) => turnAt(key, turns, second));
  return [
    ...locks.map((one) => (one.key === "nightly/report" ? { ...one, waiting } : one)),
    lock("maintenance", { isHeld: true, state: "leased", infinite: true }),
    semaphore("crawl", 40, Math.round(22 + 18 * Math.cos(second / 75)), "crawler"),
    semaphore("partner-api", 5, second < 20 ? 0 : second < 110 ? 1 : second < 290 ? 2 : 3, "fetcher"),
    lock("search-index", {
      state: "missing",
      readers: ["search-1:5", ...(second < 200 ? [] : ["search-2:6"])].map((name) => ({
        state: "leased",
        holder: holder(name),
      })),
    }),
  ];
}

it("shows every state of a lock with its history, and what is asked before a lock is broken", async (test) => {
  let second = 0;
  const opened = await OpenedPage.open(test, browser, {
    mayBreak: true,
    account: "acme",
    colorScheme: "light",
    timezoneId: "UTC",
    viewport: { width: 1_280, height: 546 },
    async *look() {
      yield* scene(second);
    },
  });
  const { page, panel, served, shows, complaints } = opened;
  const take = (name: string) => page.screenshot({ path: join(FOLDER, name), animations: "disabled" });
  await shows("nightly/report", /held/);
  while (second < END_SECONDS) {
    if (second === CLOSED.from) {
      await page.goto("about:blank");
      second = CLOSED.to;
      await served.world.clock.advance((CLOSED.to - CLOSED.from) * 1_000);
      await page.goto(served.origin);
      await shows("nightly/report", /held/);
    }
    second += STEP_SECONDS;
    await served.pass(STEP_SECONDS * 1_000);
  }
  await shows("maintenance", /an unnamed holder/);
  await shows("billing/close-month", /breaking.*batch-2:71/s);
  await shows("exports/weekly", /ran out/);
  await take("ui-light.png");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1_280, height: 660 });
  await page.evaluate("location.hash = '#/key/' + encodeURIComponent('nightly/report')");
  await panel.getByRole("button", { name: "Break the lock" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("nightly/rep");
  await take("ui-dark.png");
  expect(complaints).toEqual([]);
});
