import { describe, expect, it } from "vitest";
import { catches, until } from "../../../lab/shared/processes.ts";
import type { WatchJson } from "../../../src/cli/output/json.ts";
import { ReaderWriterLock, Semaphore } from "../../../src/index.ts";
import type { Cli, CliEnd } from "../../support/cli.ts";
import { gate } from "../../support/gate.ts";
import { ownTime } from "../../support/own-time.ts";
import { inShellOnTerminal, resize } from "../../support/pseudo-terminal.ts";
import { ESCAPE, ISO, linesOf, own, Place, storage, TIME, TOKEN } from "./place.ts";

const withoutColours = (text: string): string => text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, "g"), "");

describe.concurrent("azmutex watch", () => {
  const stop = async (watch: Cli): Promise<CliEnd> => {
    watch.kill("SIGINT");
    return await watch.ended;
  };

  it("prints what is, and what changes, with two requests for a look", async (test) => {
    const place = await Place.open(test);
    const locker = place.mutex.locker("nightly", { holder: "web-3", purpose: "schema 42" });
    const first = await locker.lock();
    await place.mutex.acquire("raw", 60);
    const before = place.requests().length;
    const watch = place.start("watch", ["--every", "500ms"]);
    await watch.printed(
      new RegExp(`^${TIME} nightly held by web-3 \\(schema 42\\)\n${TIME} raw held by an unnamed holder\n`),
    );
    await first.release();
    await watch.printed(new RegExp(`^${TIME} nightly free$`, "m"));
    const second = await place.mutex.locker("nightly", { holder: "web-4" }).lock();
    await watch.printed(new RegExp(`^${TIME} nightly held by web-4$`, "m"));
    await place.mutex.break("nightly", { periodSeconds: 10 });
    await watch.printed(
      new RegExp(`^${TIME} nightly broken, and free when the lease of web-4 ends, in at most 30 s$`, "m"),
    );
    await watch.printed(new RegExp(`^${TIME} nightly free: the lease of web-4 was broken$`, "m"));
    await place.mutex.release("raw");
    await watch.printed(new RegExp(`^${TIME} raw free$`, "m"));
    expect(await stop(watch)).toMatchObject({ code: 130, err: `azmutex: watching ${place.name}\n` });
    expect(linesOf(watch.out)).toHaveLength(7);
    const looks = place
      .requests()
      .slice(before)
      .filter((operation) => operation === "list").length;
    const { ms } = await watch.ended;
    expect(Math.ceil(looks / 2)).toBeLessThanOrEqual(ms / 500 + 1);
    await second.release().catch(() => undefined);
  });

  it("does not name the holder before while the next one writes its record", async (test) => {
    const place = await Place.open(test);
    const first = await place.mutex.locker("nightly", { holder: "web-3" }).lock();
    const watch = place.start("watch", ["--every", "500ms"]);
    const table = place.onTerminal("watch", ["--every", "500ms"], { env: { NO_COLOR: "1" } });
    await Promise.all([watch.printed(/held by web-3/), table.printed(/held +web-3/)]);
    await first.release();
    await Promise.all([watch.printed(/nightly free/), table.printed(/nightly +free/)]);
    // The next holder writes it when a look of each has shown its lease.
    const looks = gate();
    place.proxy.delay("writeMetadata", looks.opened);
    const next = storage.mutex(place.container.containerName, { connectionString: place.proxy.connectionString });
    const second = next.locker("nightly", { holder: "web-4" }).lock();
    await table.printed(/nightly +held +an unnamed holder/);
    const before = place.proxy.count("list");
    await until(() => place.proxy.count("list") >= before + 4, "both look again");
    looks.open();
    await Promise.all([watch.printed(/held by web-4/), table.printed(/held +web-4/)]);
    expect(linesOf((await stop(watch)).out).map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "nightly held by web-3",
      "nightly free",
      "nightly held by web-4",
    ]);
    await (await second).release();
  });

  it("with --held begins with what is in use, and goes on with what becomes of it", async (test) => {
    const place = await Place.open(test);
    await place.mutex.locker("a/free").run(() => undefined);
    const lock = await place.mutex.locker("b/held", { holder: "web-3" }).lock();
    const watch = place.start("watch", ["--held", "--every", "500ms"]);
    await watch.printed(/held by web-3/);
    const table = place.onTerminal("watch", ["--held", "--every", "500ms"], { env: { NO_COLOR: "1" } });
    await table.printed(/2 locks: 1 held, 1 free\r\nKEY .*\r\nb\/held +held .*\r\n$/);
    await lock.release();
    await watch.printed(new RegExp(`^${TIME} b/held free$`, "m"));
    await table.printed(/2 locks: 2 free\r\n$/);
    expect(await stop(watch)).toMatchObject({ code: 130, err: `azmutex: watching ${place.name}\n` });
    expect(linesOf(watch.out)).toHaveLength(2);
  });

  it("prints JSON, an object a line", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const watch = place.start("watch", ["--json", "--every", "500ms"]);
    await watch.printed(/"seen"/);
    await lock.release();
    await watch.printed(/"free"/);
    expect(await stop(watch)).toMatchObject({ code: 130, err: "" });
    const [seen, free] = linesOf(watch.out).map((line) => JSON.parse(line) as WatchJson);
    const record = {
      holder: own("web-3"),
      leaseSeconds: 30,
      recordedAt: ISO,
      highestToken: TOKEN,
      fair: false,
      kind: "lock",
    };
    expect(seen).toEqual({
      at: ISO,
      event: "seen",
      ...place.where,
      key: "k",
      isHeld: true,
      state: "leased",
      infinite: false,
      ...record,
      waiting: [],
    });
    expect(free).toEqual({
      at: ISO,
      event: "free",
      ...place.where,
      key: "k",
      isHeld: false,
      state: "available",
      infinite: false,
      ...record,
      waiting: [],
    });
  });

  it("sees permits and readers come and go, of keys with the prefix alone", async (test) => {
    const place = await Place.open(test);
    const { mutex } = place;
    const other = await mutex.locker("other").lock();
    const watch = place.start("watch", ["k", "--every", "500ms"]);
    await until(() => place.requests().includes("list"), "it looks");
    const permit = await new Semaphore(mutex, "k", { permits: 2, holder: "a" }).acquire();
    await watch.printed(new RegExp(`^${TIME} k 1 of 2 permits held: a$`, "m"));
    await permit.release();
    await watch.printed(new RegExp(`^${TIME} k 0 of 2 permits held$`, "m"));
    const read = await new ReaderWriterLock(mutex, "k/index", { holder: "r" }).read.lock();
    await watch.printed(new RegExp(`^${TIME} k/index 1 reader: r$`, "m"));
    await read.release();
    await watch.printed(new RegExp(`^${TIME} k/index no readers$`, "m"));
    expect(await stop(watch)).toMatchObject({ code: 130, err: `azmutex: watching ${place.name}\n` });
    expect(watch.out).not.toContain("other");
    await other.release();
  });

  it("goes on while the service does not answer, and says so once", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const watch = place.start("watch", ["--every", "500ms"]);
    await watch.printed(/held by web-3/);
    place.proxy.serverBusy("list");
    await watch.printed(/still watching/);
    // A few looks more.
    const before = place.proxy.count("list");
    await until(() => place.proxy.count("list") > before + 3, "it goes on");
    await lock.release();
    place.proxy.heal();
    await watch.printed(/^.* k free$/m);
    const { code, err } = await stop(watch);
    expect(code).toBe(130);
    expect(linesOf(err)).toEqual([
      `azmutex: watching ${place.name}`,
      expect.stringMatching(/^azmutex: .*; still watching$/),
      "azmutex: the service answers again",
    ]);
    expect(linesOf(watch.out)).toHaveLength(2);
  });

  it("is a table on a terminal, drawn anew in its place, as much as fits", async (test) => {
    const place = await Place.open(test);
    const locks = await Promise.all(
      ["a", "b", "c", "d", "e"].map((key) => place.mutex.locker(key, { holder: "web-3" }).lock()),
    );
    const watch = place.onTerminal("watch", ["--every", "500ms"], { rows: 6, columns: 120 });
    const frames = (): string[] => withoutColours(watch.out).split(`${ESCAPE}[H${ESCAPE}[J`).slice(1);
    await watch.printed(/… 1 to 1 of 5/);
    expect(linesOf(frames()[0]?.replaceAll("\r", "") ?? "")).toEqual([
      expect.stringMatching(new RegExp(`^${TIME}, ${place.name}, every 500ms$`)),
      "5 locks: 5 held",
      expect.stringMatching(/^KEY +STATE +HOLDER +SINCE +WAITING +PURPOSE$/),
      expect.stringMatching(/^a +held +web-3 /),
      "… 1 to 1 of 5; arrows, PgUp, PgDn, Home, End; q ends",
    ]);
    const [pageDown, end, up] = [`${ESCAPE}[6~`, `${ESCAPE}[F`, "k"];
    for (const [key, where] of [
      [pageDown, "2 to 2"],
      [end, "5 to 5"],
      [up, "4 to 4"],
      ["g", "1 to 1"],
    ] as const) {
      watch.type(key);
      await watch.printed(new RegExp(`… ${where} of 5.*\\r\\n$`));
    }
    place.proxy.serverBusy("list");
    await watch.printed(new RegExp(`since ${TIME}: .*503`));
    expect(withoutColours(frames().at(-1) ?? "")).toMatch(/^a +held +web-3 /m);
    place.proxy.heal();
    const before = frames().length;
    resize(watch, 20, 120);
    await until(
      () => frames().length > before && /^e +held/m.test(frames().at(-1) ?? ""),
      "it is drawn anew, with all rows",
    );
    await locks[0]?.release();
    await watch.printed(/free/);
    watch.type("\u0003");
    const { code, out } = await watch.ended;
    expect(code).toBe(130);
    expect(frames().at(-1)).toMatch(/^e +held .*\r\na +free/m);
    // The shell's prompt comes below, with the cursor that was never hidden.
    expect(out).toMatch(/\n(?:\^C)?$/);
    expect(out).not.toContain(`${ESCAPE}[?25l`);
    await Promise.all(locks.slice(1).map((lock) => lock.release()));
  });

  it("ends with 0 at q, and leaves the terminal to the shell while it is stopped", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const env = { AZURE_STORAGE_CONNECTION_STRING: place.proxy.connectionString };
    const shell = inShellOnTerminal(test, ["watch", "--every", "500ms", "--container", place.container.containerName], {
      env,
    });
    await shell.printed(/web-3/);
    shell.type("\u001a");
    // What the shell reads after its own command line: what is typed here is not the command's.
    await shell.printed(/Stopped/);
    await shell.printed(/code \d+/);
    await lock.release();
    const quit = place.onTerminal("watch", ["--every", "500ms"]);
    await quit.printed(/free/);
    quit.type("q");
    expect((await quit.ended).code).toBe(0);
  });

  it("ends at once when it is interrupted, also while it waits for an answer", async (test) => {
    const place = await Place.open(test);
    place.proxy.hang("list");
    const watch = place.start("watch");
    await until(() => place.requests().includes("list"), "it looks");
    // One beside it, which waits for nothing but its next look, takes as long to end.
    const pausing = (await Place.open(test)).start("watch", ["--json", "--every", "1h"]);
    // Node.js itself catches SIGINT; this is what the command listens to besides.
    await until(() => catches(pausing.pid, "SIGHUP"), "it can be interrupted");
    const endedAfter = async (interrupted: Cli): Promise<number> => {
      const since = ownTime.now();
      expect(await stop(interrupted)).toMatchObject({ code: 130, out: "" });
      return ownTime.now() - since;
    };
    const [hanging = 0, idle = 0] = await Promise.all([watch, pausing].map(endedAfter));
    // The request would have its time-out after three seconds.
    expect(hanging - idle).toBeLessThan(2_000);
  });

  it("prints lines on a terminal that cannot draw", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    // What is awaited for more than a second is not shown here: it could not be taken back.
    place.proxy.delay("list", 1_500);
    const watch = place.onTerminal("watch", [], { env: { TERM: "dumb" } });
    await watch.printed(new RegExp(`^${TIME} k held by web-3\r\n`, "m"));
    expect(watch.out).not.toContain(ESCAPE);
    watch.type("\u0003");
    expect((await watch.ended).code).toBe(130);
    await lock.release();
  });

  it.for([
    { args: ["--every", "100ms"], complaint: "It must be at least 500ms." },
    { args: ["--every", "2"], complaint: "It must be a number with a unit" },
    { args: ["a\\b"], complaint: 'prefix must be the beginning of a key, not "a\\\\b"' },
  ])("refuses $args", async ({ args, complaint }, test) => {
    const place = await Place.open(test);
    expect(await place.said("watch", args)).toMatchObject({
      code: 64,
      out: "",
      err: expect.stringContaining(complaint),
    });
    expect(place.requests()).toEqual([]);
  });
});
