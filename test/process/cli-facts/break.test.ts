import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import type { BreakJson } from "../../../src/cli/output/json.ts";
import { ReaderWriterLock, Semaphore } from "../../../src/index.ts";
import type { CliEnd } from "../../support/cli.ts";
import { linesOf, own, ownNamed, Place, SINCE } from "./place.ts";

const UNNAMED_HOLDER = "an unnamed holder";

describe.concurrent("azmutex break", () => {
  const STOPPED = "its holder will be stopped: it loses the lock, and azmutex run kills its job";
  const MEANWHILE = "its holder goes on until its next renewal fails: until then two may be at work";

  it("stops the holder, which notices, and says when the lock is free", async (test) => {
    const place = await Place.open(test);
    const run = await place.job(["k", "--lease", "30s"]);
    const before = place.requests().length;
    const out = await place.broken(["k"], { whose: `${hostname()}:${run.pid}` });
    const [, seconds] =
      new RegExp(`^k in ${place.name}: broke the lease of ${hostname()}:${run.pid}; free in (\\d+) s\n$`).exec(out) ??
      [];
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(seconds)).toBeLessThanOrEqual(30);
    expect(place.requests().slice(before)).toEqual(["read", "break"]);
    expect(await place.out("status", ["k"])).toMatch(
      /^k: breaking \(broken: its holder cannot renew it; free in at most 30 s\)\n/,
    );
    expect(await place.out("ls")).toMatch(/^k +breaking, ≤ 30 s /m);
    const { code, err } = await run.ended;
    expect({ code, err }).toEqual({
      code: 79,
      err: expect.stringMatching(
        `^azmutex: lock on "k" in ${place.name} lost: broken by another process \\(renewal refused: 409 ` +
          `LeaseIs.*\\): the command was stopped\n$`,
      ),
    });
  });

  it("frees a lock at once with --after 0s, and warns", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const out = await place.broken(["k", "--after", "0s"], { whose: ownNamed("web-3") });
    expect(out).toBe(`k in ${place.name}: broke the lease of web-3; free now, and ${MEANWHILE}\n`);
    expect(await place.out("status", ["k"])).toMatch(/^k: free \(the last holder's lease was broken\)\n/);
    await lock.release().catch(() => undefined);
  });

  it("works without a record, and on an infinite lease", async (test) => {
    const place = await Place.open(test);
    await place.mutex.acquire("raw", 60);
    await place.mutex.acquire("for-ever", "infinite");
    expect(await place.broken(["raw", "--after", "3s"], { whose: UNNAMED_HOLDER })).toBe(
      `raw in ${place.name}: broke the lease of an unnamed holder; free in 3 s\n`,
    );
    expect(JSON.parse(await place.broken(["for-ever", "--json"], { whose: UNNAMED_HOLDER }))).toEqual({
      ...place.where,
      key: "for-ever",
      outcome: "broken",
      freeInSeconds: 0,
    });
    await Promise.allSettled([place.mutex.release("raw"), place.mutex.release("for-ever")]);
  });

  it("breaks for the holder that is meant alone", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    expect(await place.said("break", ["k", "--if-holder", "web-4", "--yes"])).toMatchObject({
      code: 75,
      out: "",
      err: `azmutex: k in ${place.name} is held by web-3, not by web-4: nothing was changed\n`,
    });
    const refused = await place.end("break", ["k", "--if-holder", "web-4", "--yes", "--json"]);
    expect(refused).toMatchObject({ code: 75, err: "" });
    expect(JSON.parse(refused.out)).toEqual({
      ...place.where,
      key: "k",
      outcome: "heldByAnother",
      holder: own("web-3"),
    } satisfies BreakJson);
    expect(lock.isHeld).toBe(true);
    const broken = await place.broken(["k", "--if-holder", "web-3", "--after", "2s", "--json"], {
      whose: ownNamed("web-3"),
    });
    expect(JSON.parse(broken)).toEqual({
      ...place.where,
      key: "k",
      outcome: "broken",
      freeInSeconds: 2,
      holder: own("web-3"),
    });
    await lock.release().catch(() => undefined);
  });

  it("says that it is not held, and that is no failure", async (test) => {
    const place = await Place.open(test);
    await place.mutex.locker("past").run(() => undefined);
    expect(await place.out("break", ["past", "--yes"])).toBe(`past in ${place.name}: it is not held\n`);
    expect(await place.out("break", ["never", "--yes"])).toBe(`never in ${place.name}: it is not held\n`);
    expect(await place.json("break", ["never", "--yes"])).toEqual({ ...place.where, key: "never", outcome: "notHeld" });
  });

  it("breaks a permit or a reader and leaves the others alone", async (test) => {
    const place = await Place.open(test);
    const { mutex } = place;
    const a = await new Semaphore(mutex, "k", { permits: 2, holder: "a" }).acquire();
    const b = await new Semaphore(mutex, "k", { permits: 2, holder: "b" }).acquire();
    const read = await new ReaderWriterLock(mutex, "index", { holder: "r" }).read.lock();
    const permitted = { what: "permit 1 of k", whose: ownNamed("b") };
    expect(await place.broken(["k", "--permit", "1", "--after", "0s"], permitted)).toBe(
      `permit 1 of k in ${place.name}: broke the lease of b; free now, and ${MEANWHILE}\n`,
    );
    expect(await place.out("break", ["k", "--permit", "5", "--yes"])).toBe(
      `permit 5 of k in ${place.name}: it is not held\n`,
    );
    expect(await place.out("break", ["index", "--reader", "x", "--yes"])).toBe(
      `the read lock of x on index in ${place.name}: it is not held\n`,
    );
    expect(await place.out("break", ["k", "--yes"])).toBe(`k in ${place.name}: it is not held\n`);
    expect(await place.out("status", ["k"])).toContain("1 of 2 permits");
    expect(await place.out("status", ["index"])).toContain("1 reader");
    const reading = { what: "the read lock of r on index", whose: ownNamed("r") };
    expect(await place.broken(["index", "--reader", "r", "--after", "0s"], reading)).toBe(
      `broke the read lock of r on index in ${place.name}; free now, and ${MEANWHILE}\n`,
    );
    expect(linesOf(await place.out("status", ["k"]))[0]).toBe("k: 1 of 2 permits");
    await Promise.allSettled([a, b, read].map((held) => held.release()));
  });

  it("asks on a terminal, and breaks on yes alone", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3", purpose: "schema 42" }).lock();
    const question = new RegExp(
      `k in ${place.name} is held by web-3 \\(schema 42\\), since ${SINCE}; ${STOPPED}; it is free in ` +
        `at most 30 s; break it\\? \\[y/N\\] $`,
    );
    const answered = async (answer: string): Promise<CliEnd> => {
      const asked = place.onTerminal("break", ["k"]);
      await asked.printed(question);
      asked.type(answer);
      return await asked.ended;
    };
    const [interrupted, ...refused] = await Promise.all(["\u0003", "\n", "n\n", "yesterday\n", "\u0004"].map(answered));
    for (const { code, out } of refused) {
      expect({ code, out }).toEqual({ code: 75, out: expect.stringContaining("azmutex: nothing was changed\r\n") });
    }
    expect(interrupted?.code).toBe(130);
    expect((await place.mutex.inspect("k")).state).toBe("leased");

    const broken = place.onTerminal("break", ["k", "--after", "2s"]);
    await broken.printed(/it is free in at most 2 s; break it\? \[y\/N\] $/);
    broken.type("y\n");
    expect(await broken.ended).toMatchObject({
      code: 0,
      out: expect.stringContaining(`k in ${place.name}: broke the lease of web-3; free in 2 s\r\n`),
    });
    await lock.release().catch(() => undefined);
  });

  it("does not break the lock of a holder that has it only since it asked", async (test) => {
    const place = await Place.open(test);
    const first = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const asked = place.onTerminal("break", ["k", "--after", "0s"]);
    await asked.printed(new RegExp(`it is free at once, and ${MEANWHILE}; break it\\? \\[y/N\\] $`));
    await first.release();
    const second = await place.mutex.locker("k", { holder: "web-4" }).lock();
    asked.type("y\n");
    expect(await asked.ended).toMatchObject({
      code: 75,
      out: expect.stringContaining(`k in ${place.name} is held by web-4 by now: nothing was changed`),
    });
    expect((await place.mutex.inspect("k")).state).toBe("leased");
    await second.release();
  });

  it("asks on a terminal also where it may not list, and who holds the permit does not show", async (test) => {
    const place = await Place.open(test);
    const permit = await new Semaphore(place.mutex, "k", { permits: 2, holder: "a" }).acquire();
    const { env = {} } = await place.sas("rw");
    const asked = place.onTerminal("break", ["k", "--permit", "0", "--after", "2s", "--endpoint", place.proxy.url], {
      env,
    });
    await asked.printed(
      new RegExp(
        String.raw`these credentials do not allow to see who holds permit 0 of k in \S+; its holder will be ` +
          String.raw`stopped: .*; it is free in at most 2 s; break it\? \[y/N\] $`,
      ),
    );
    asked.type("y\n");
    expect(await asked.ended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/permit 0 of k in \S+: broke the lease of a; free in 2 s/),
    });
    await permit.release().catch(() => undefined);
  });

  it("asks nothing on a terminal where there is nothing to break", async (test) => {
    const place = await Place.open(test);
    expect(await place.onTerminal("break", ["never"]).ended).toMatchObject({
      code: 0,
      out: expect.stringContaining(`never in ${place.name}: it is not held`),
    });
  });

  it.for([
    { args: ["k"], complaint: "there is no terminal to ask on whether to break the lock: say --yes" },
    { args: ["k", "--yes", "--after", "1500ms"], complaint: "It must be whole seconds from 0s to 60s." },
    { args: ["k", "--yes", "--after", "61s"], complaint: "It must be whole seconds from 0s to 60s." },
    { args: ["k", "--yes", "--permit", "1000"], complaint: "It must be a whole number from 0 to 999." },
    { args: ["k", "--yes", "--permit", "x"], complaint: "It must be a whole number from 0 to 999." },
    { args: ["k", "--yes", "--permit", "1", "--reader", "r"], complaint: "cannot be used with" },
    { args: ["k", "--yes", "--if-holder", "x", "--reader", "r"], complaint: "cannot be used with" },
    { args: ["a//.", "--yes"], complaint: "key" },
    { args: ["--yes"], complaint: "missing required argument" },
  ])("refuses $args", async ({ args, complaint }, test) => {
    const place = await Place.open(test);
    const { code, out, err } = await place.said("break", args);
    expect({ code, out }).toEqual({ code: 64, out: "" });
    expect(err).toContain(complaint);
    expect(linesOf(err)).toHaveLength(1);
    expect(place.requests()).toEqual([]);
  });
});
