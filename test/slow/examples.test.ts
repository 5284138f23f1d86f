import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "libsql";
import { beforeAll, describe, expect, it } from "vitest";
import { carts } from "../../examples/show/carts.ts";
import { commands } from "../../examples/show/commands.ts";
import { config } from "../../examples/show/config.ts";
import { fencedRow } from "../../examples/show/fenced-row.ts";
import { migrationAtDeploy } from "../../examples/show/migration-at-deploy.ts";
import type { Program } from "../../examples/show/program.ts";
import { names } from "../../examples/show/show.ts";
import { Site } from "../../examples/show/site.ts";
import { compileExamples, ExampleRun, endsOf, linesOf, until } from "../support/example-run.ts";

// What mostly waits for leases runs at once, in two batches: before the crawler's suite, and after it. More processes
// than that, all starting together, would keep two cores busy for longer than a lease can do without.

beforeAll(compileExamples);

const STEPS = ["create products", "add price_cents", "fill price_cents", "drop price"];
const DONE = STEPS.map((name, index) => `step ${index + 1}, ${name}: done`);

function expectMigrated(file: string): void {
  const database = new Database(file, { readonly: true });
  expect(database.prepare("SELECT name FROM schema_steps ORDER BY step").all()).toEqual(
    STEPS.map((name) => ({ name })),
  );
  // 0.1 + 0.2 + … + 100 euros, each turned into cents once.
  expect(database.prepare("SELECT count(*), sum(price_cents) FROM products").raw().get()).toEqual([1_000, 5_005_000]);
  expect(database.pragma("table_info(products)")).toMatchObject([{ name: "id" }, { name: "price_cents" }]);
  database.close();
}

describe("the example migration-at-deploy", () => {
  it("applies each step once, however many instances start at once", async (test) => {
    const run = await ExampleRun.open(test);
    const args = [run.path("shop.db")];
    const instances = names("instance", 5).map((name) => run.start("migration-at-deploy", name, { args }));
    expect(await endsOf(instances)).toEqual([0, 0, 0, 0, 0]);
    expect(linesOf(instances, /: done$/)).toEqual(DONE);
    expect(linesOf(instances, /: 50 rows$/)).toHaveLength(20);
    expect(linesOf(instances, /: serving$/)).toHaveLength(5);
    expectMigrated(run.path("shop.db"));
  });

  it("does not let an instance serve whose step failed, and records nothing", async (test) => {
    const run = await ExampleRun.open(test);
    const database = new Database(run.path("shop.db"));
    database.exec("CREATE TABLE products (id INTEGER PRIMARY KEY)");
    const instance = run.start("migration-at-deploy", "instance", { args: [run.path("shop.db")] });
    expect(await endsOf([instance])).toEqual([1]);
    expect(instance.output).toContain("table products already exists");
    expect(instance.output).not.toContain("serving");
    expect(database.prepare("SELECT * FROM schema_steps").all()).toEqual([]);
    database.close();
  });
});

describe("the example config", () => {
  const versionOf = (line: string): number => Number(/version (\d+)/.exec(line)?.[1]);
  const inOrder = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

  it("is never read half-written, and from the cache while there is no writer", async (test) => {
    const run = await ExampleRun.open(test);
    const readers = names("reader", 3).map((name) =>
      run.start("config", name, { args: ["read", run.folder], env: { READ_EVERY_MS: "100" } }),
    );
    await Promise.all(readers.map((reader) => reader.printed(/^version 0: no servers$/)));
    const watch = new AbortController();
    const glances = glanceUnlocked(run, watch.signal);
    const writers: Program[] = [];
    const chain = ["1", "2", "3"];
    await Promise.all(
      ["a", "b"].map(async (name) => {
        for (const turn of chain) {
          const writer = run.start("config", `writer ${name}${turn}`, { args: ["add", `${name}${turn}`, run.folder] });
          writers.push(writer);
          await writer.ended;
        }
      }),
    );
    watch.abort();
    expect(await endsOf(writers)).toEqual(writers.map(() => 0));
    await Promise.all(readers.map((reader) => reader.printed(/^version 6: .*\(cached\)$/)));
    for (const reader of readers) reader.kill("SIGTERM");
    expect(await endsOf(readers)).toEqual([0, 0, 0]);

    // A reader that does not ask for the lock sees it half-written: there was something to keep out of.
    expect(await glances).toContain("half-written");
    for (const { lines } of readers) {
      expect(lines.filter((line) => !/^version \d+: /.test(line))).toEqual([]);
      expect(lines.map(versionOf)).toEqual(inOrder(lines.map(versionOf)));
    }
    // All readers of a version read the same, from the cache or not.
    const read = new Set(linesOf(readers, /^version/).map((line) => line.replace(" (cached)", "")));
    expect([...read].map(versionOf)).toHaveLength(new Set([...read].map(versionOf)).size);
    const last = [...read].find((line) => versionOf(line) === 6);
    expect(last?.split(" ").slice(2).sort()).toEqual(["a1", "a2", "a3", "b1", "b2", "b3"]);

    const written = linesOf(writers, /^wrote version/).sort((one, other) => versionOf(one) - versionOf(other));
    expect(written.map(versionOf)).toEqual([1, 2, 3, 4, 5, 6]);
    const tokens = written.map((line) => Number(/token (\d+)/.exec(line)?.[1]));
    expect(tokens).toEqual(inOrder([...new Set(tokens)]));
  });

  /** What a reader sees that does not ask for the lock. */
  async function glanceUnlocked(run: ExampleRun, signal: AbortSignal): Promise<string[]> {
    const version = (name: string): number => {
      return existsSync(run.path(name)) ? JSON.parse(readFileSync(run.path(name), "utf8")).version : 0;
    };
    const glances: string[] = [];
    while (!signal.aborted) {
      glances.push(version("servers.json") === version("shares.json") ? "whole" : "half-written");
      await sleep(20);
    }
    return glances;
  }
});

describe.concurrent("the examples when a process dies, is paused, or has no storage", () => {
  const rowIn = (run: ExampleRun): unknown => {
    const database = new Database(run.path("bank.db"), { readonly: true });
    const [row] = database.prepare("SELECT balance, fence FROM accounts").all();
    database.close();
    return row;
  };
  const tokenOf = ({ output }: Program): number => Number(/token (\d+)/.exec(output)?.[1]);

  it("migration-at-deploy: another instance takes up the step in which an instance was killed", async (test) => {
    const run = await ExampleRun.open(test);
    await migrationAtDeploy.play(run);
    const killed = run.programs.filter(({ output }) => !output.includes("serving"));
    const others = run.programs.filter(({ output }) => output.includes("serving"));
    expect(await endsOf([...killed, ...others])).toEqual(["SIGKILL", 0, 0, 0, 0]);
    expect(linesOf(killed, /: done$/)).toEqual(DONE.slice(0, 2));
    expect(linesOf(others, /: done$/)).toEqual(DONE.slice(2));
    expectMigrated(run.path("shop.db"));

    const late = run.start("migration-at-deploy", "late", { args: [run.path("shop.db")] });
    expect(await endsOf([late])).toEqual([0]);
    expect(late.lines).toEqual(["nothing to do", "schema 4 is in place: serving"]);
  });

  it("migration-at-deploy: an instance does not serve that cannot reach the storage account", async (test) => {
    const run = await ExampleRun.open(test);
    await run.emulator.close();
    const instance = run.start("migration-at-deploy", "instance", { args: [run.path("shop.db")] });
    expect(await endsOf([instance])).toEqual([1]);
    expect(instance.lines).toEqual([expect.stringMatching(/^no lock without the storage account/)]);
  });

  it("config: it is not taken for whole when its writer was killed, and is whole after the next", async (test) => {
    const run = await ExampleRun.open(test);
    await config.play(run);
    const readers = run.programs.filter(({ name }) => name.startsWith("reader"));
    expect(linesOf(readers, /^version 4/)).toEqual([]);
    for (const { lines } of readers) {
      expect(
        lines.some((line) => /^still at version 3: half-written: servers of version 4, shares of 3$/.test(line)),
      ).toBe(true);
      // What the killed writer had begun to add is not lost: its first file was whole.
      expect(lines.at(-1)).toMatch(/^version 5: (?:server-[123] ){3}server-4 server-5(?: \(cached\))?$/);
    }
  });

  it("fenced-row: the row refuses the late write of a paused holder, and the next holder's stands", async (test) => {
    const run = await ExampleRun.open(test);
    await fencedRow.play(run);
    const [paused, next, last] = run.programs as [Program, Program, Program];
    expect(await endsOf([paused, next, last])).toEqual([1, 0, 0]);
    expect(linesOf([paused], /booked/)).toEqual([]);
    expect(linesOf([paused], /^refused|^lock on .* lost/)).toHaveLength(2);
    expect(linesOf([next], /the balance is 100$/)).toHaveLength(1);
    expect(tokenOf(next)).toBeGreaterThan(tokenOf(paused));
    expect(tokenOf(last)).toBeGreaterThan(tokenOf(next));
    expect(rowIn(run)).toEqual({ balance: 200, fence: tokenOf(last) });
  });

  it("fenced-row: it refuses it also while the next holder has read and not yet written", async (test) => {
    const run = await ExampleRun.open(test);
    const args = [run.path("bank.db")];
    const paused = run.start("fenced-row", "paused", { args, env: { PAUSE: "1" } });
    await paused.printed(/^pausing/);
    const next = run.start("fenced-row", "next", { args, env: { PAUSE: "1" } });
    await next.printed(/^pausing/);
    paused.kill("SIGCONT");
    expect(await endsOf([paused])).toEqual([1]);
    expect(paused.output).toContain("refused");
    expect(rowIn(run)).toEqual({ balance: 0, fence: tokenOf(next) });

    // None came after it: its write counts, even if it was stopped for so long that its lock was lost.
    next.kill("SIGCONT");
    await next.ended;
    expect(rowIn(run)).toEqual({ balance: 100, fence: tokenOf(next) });
  });
});

describe.concurrent("the examples of several locks, and of the command", () => {
  it("carts: three merges in a circle all end, and a late write is refused and loses nothing", async (test) => {
    const run = await ExampleRun.open(test);
    await carts.play(run);
    const late = run.programs.find(({ name }) => name === "late");
    expect(late?.lines.at(-1)).toMatch(/^Azure refused the write: 412 Lease\w+$/);
    expect(run.programs.at(-1)?.lines.at(-1)).toBe("cart/cleo has anna, ben, cleo");
  });

  it("commands: one script after the other has the lock, and one replica after the other leads", async (test) => {
    const run = await ExampleRun.open(test);
    await commands.play(run);
    const tokens = linesOf(run.programs, /^\{/).map((line) => (JSON.parse(line) as { token: number }).token);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(tokens).toHaveLength(2);
    expect(linesOf(run.programs, /^ {2}holder/).length).toBe(1);
  });
});

describe("the example crawler", () => {
  it("downloads five pages at once, never more, across all processes", async (test) => {
    const run = await ExampleRun.open(test);
    let isFull: Promise<void> | undefined;
    // Nothing is answered until five are being fetched, and then for a while in which a sixth would show.
    await using site = await Site.open(async (it) => {
      isFull ??= until(() => it.inFlight >= 5, run.signal).then(() => sleep(2_000));
      await isFull;
      await sleep(200);
    });
    const pages = site.pages(32);
    const crawlers = names("crawler", 4).map((name, index) =>
      run.start("crawler", name, { args: pages.slice(8 * index, 8 * index + 8) }),
    );
    expect(await endsOf(crawlers)).toEqual([0, 0, 0, 0]);
    expect(site.most).toBe(5);
    expect([...site.fetches.keys()].sort()).toEqual(pages.map((page) => new URL(page).pathname).sort());
    expect(new Set(site.fetches.values())).toEqual(new Set([1]));
  });

  it("fetches the other pages when one fails, and says so", async (test) => {
    const run = await ExampleRun.open(test);
    await using site = await Site.open(async () => undefined);
    const [first = "", second = ""] = site.pages(2);
    const crawler = run.start("crawler", "crawler", { args: [first, "http://127.0.0.1:1/", second] });
    expect(await endsOf([crawler])).toEqual([1]);
    expect(crawler.lines.at(-1)).toBe("2 of 3 pages fetched");
    expect(Object.fromEntries(site.fetches)).toEqual({ "/page-1": 1, "/page-2": 1 });
  });
});

describe.concurrent("npm run example", () => {
  const NAMES = [
    ...["migration-at-deploy", "worker", "crash", "fenced-row", "nightly-once", "nest-schedule", "orders"],
    ...["leader", "cron", "carts", "config", "crawler", "turns", "commands"],
  ];
  /** None: it starts an emulator of its own. */
  const NO_ACCOUNT = { AZURE_STORAGE_CONNECTION_STRING: "" };

  it("lists the examples", async (test) => {
    const run = await ExampleRun.open(test);
    const list = run.start("run", "list");
    expect(await endsOf([list])).toEqual([0]);
    expect(linesOf([list], /^ {2}/).map((line) => line.trim().split(" ")[0])).toEqual(NAMES);
  });

  it.for([
    { args: ["nonsense"], complaint: "there is no example nonsense" },
    { args: ["crawler", "config"], complaint: "one example at a time, not config as well" },
  ])("refuses $args", async ({ args, complaint }, test) => {
    const run = await ExampleRun.open(test);
    const refused = run.start("run", "refused", { args });
    expect(await endsOf([refused])).toEqual([2]);
    expect(refused.lines[0]).toBe(complaint);
    expect(refused.output).toContain("Usage:");
  });

  it("plays one with an emulator of its own, and ends by itself with what came of it", async (test) => {
    const run = await ExampleRun.open(test);
    const show = run.start("run", "crawler show", { args: ["crawler"], env: NO_ACCOUNT });
    expect(await endsOf([show])).toEqual([0]);
    expect(show.lines.at(-1)).toMatch(/^60 pages fetched once each by 4 crawlers, at most [1-5] at once$/);
    expect(linesOf([show], /^crawler-[1-4] {2}\| 15 of 15 pages fetched$/)).toHaveLength(4);
  });

  it("uses the account it is given, and says when a show went wrong", async (test) => {
    const run = await ExampleRun.open(test);
    await run.emulator.close();
    const show = run.start("run", "failing show", { args: ["fenced-row"] });
    expect(await endsOf([show])).toEqual([1]);
    expect(show.output).toContain("no answer from 127.0.0.1:");
    expect(show.output).toContain("That went wrong: teller-1 ended with 1");
  });

  it("leaves no process behind when it is interrupted", async (test) => {
    const run = await ExampleRun.open(test);
    const show = run.start("run", "interrupted show", { args: ["fenced-row"], env: NO_ACCOUNT });
    const stopped = await show.printed(/pausing: kill -CONT \d+/);
    show.kill("SIGINT");
    expect(await endsOf([show])).toEqual([130]);
    expect(show.lines.at(-1)).toBe("Interrupted. All processes are stopped.");
    const pid = Number(/-CONT (\d+)/.exec(stopped)?.[1]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    // At once, and not when the show was over.
    expect(show.output).not.toContain("teller-2 ");
  });
});
