import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { until } from "../../../lab/shared/processes.ts";
import type { StatusJson } from "../../../src/cli/output/json.ts";
import { ReaderWriterLock, Semaphore } from "../../../src/index.ts";
import { ESCAPE, ISO, linesOf, own, ownNamed, Place, SINCE, TOKEN } from "./place.ts";

describe.concurrent("azmutex status", () => {
  it("says of a key that was never locked that it was not, with two requests", async (test) => {
    const place = await Place.open(test);
    expect(await place.out("status", ["never"])).toBe(
      "never: free (there is no such blob: it was never locked, or was deleted)\n",
    );
    expect(place.requests().sort()).toEqual(["list", "read"]);
    expect(await place.json("status", ["never"])).toEqual({
      ...place.where,
      key: "never",
      isHeld: false,
      state: "missing",
      infinite: false,
      waiting: [],
    });
  });

  it("says so where there is no container, and so do ls, leader and break", async (test) => {
    const place = await Place.open(test);
    await place.container.delete();
    const [status, ls, leader, broken, reader] = await Promise.all([
      place.out("status", ["never"]),
      place.said("ls"),
      place.out("leader", ["never"]),
      place.out("break", ["never", "--yes"]),
      place.out("break", ["never", "--reader", "web-3", "--yes"]),
    ]);
    expect(leader).toBe("never: no leader (the container does not exist)\n");
    expect(broken).toBe(`never in ${place.name}: it is not held: the container does not exist\n`);
    expect(reader).toMatch(/: it is not held: the container does not exist\n$/);
    expect(await place.json("leader", ["never"])).toMatchObject({ leader: null, isContainerMissing: true });
    expect(await place.json("break", ["never", "--yes"])).toEqual({
      ...place.where,
      key: "never",
      outcome: "notHeld",
      isContainerMissing: true,
    });
    expect(status).toMatch(/^never: free \(the container does not exist\)\n/);
    expect(ls).toMatchObject({
      code: 0,
      out: "",
      err: `azmutex: no locks in ${place.name}: the container does not exist\n`,
    });
    expect(await place.json("status", ["never"])).toMatchObject({ state: "missing", isContainerMissing: true });
  });

  it("says who holds it, and who had it last", async (test) => {
    const place = await Place.open(test);
    const run = await place.job(["nightly", "--purpose", "schema 42", "--lease", "15s"]);
    const held = await place.out("status", ["nightly"]);
    const name = `${hostname()}:${run.pid}`;
    expect(linesOf(held)).toEqual([
      "nightly: held",
      `  holder   ${name}`,
      "  purpose  schema 42",
      expect.stringMatching(new RegExp(`^ {2}since    ${SINCE}$`)),
      "  lease    15 s, renewed as long as its holder lives",
      expect.stringMatching(/^ {2}token {4}no token up to now is higher than \d+$/),
    ]);
    expect(await place.json<StatusJson>("status", ["nightly"])).toEqual({
      ...place.where,
      key: "nightly",
      isHeld: true,
      state: "leased",
      infinite: false,
      holder: { name, host: hostname(), pid: run.pid },
      purpose: "schema 42",
      leaseSeconds: 15,
      recordedAt: ISO,
      highestToken: TOKEN,
      fair: false,
      kind: "lock",
      waiting: [],
    } satisfies { [K in keyof StatusJson]: unknown });
    run.kill("SIGTERM");
    await run.ended;
    expect(linesOf(await place.out("status", ["nightly"])).slice(0, 2)).toEqual([
      "nightly: free",
      expect.stringMatching(new RegExp(`^ {2}last holder {2}${name} \\(schema 42\\), since ${SINCE}$`)),
    ]);
  });

  it("says what there is to say of a holder without a record, and of an infinite lease", async (test) => {
    const place = await Place.open(test);
    await place.mutex.acquire("raw", 60);
    await place.mutex.locker("for-ever", { holder: "web-3", purpose: "history" }).run(() => undefined);
    await place.mutex.acquire("for-ever", "infinite");
    // At once: the lease of the one is not renewed.
    const [raw, forEver, rawJson, forEverJson] = await Promise.all([
      place.out("status", ["raw"]),
      place.out("status", ["for-ever"]),
      place.json("status", ["raw"]),
      place.json("status", ["for-ever"]),
    ]);
    expect(linesOf(raw)).toEqual([
      "raw: held",
      "  holder  unknown: it left no record (a go-azuremutex, acquire(), or a locker without fencing)",
    ]);
    expect(linesOf(forEver)).toEqual([
      "for-ever: held, infinite lease",
      "  holder       unknown: an infinite lease leaves no record",
      expect.stringContaining(`  last holder  ${ownNamed("web-3")} (history), since `),
      "  lease        infinite: it ends when its holder releases it, or by azmutex break",
      expect.stringContaining("  token        "),
    ]);
    expect(rawJson).toEqual({
      ...place.where,
      key: "raw",
      isHeld: true,
      state: "leased",
      infinite: false,
      waiting: [],
    });
    expect(forEverJson).toMatchObject({ isHeld: true, infinite: true, holder: own("web-3") });
  });

  it("says who waits, in order", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { fair: true, holder: "first" }).lock();
    for (const holder of ["second", "third"]) {
      place.start("run", ["k", "--fair", "--holder", holder, "--", "sleep", "600"]);
      await until(
        async () => (await place.mutex.inspect("k")).waiting?.at(-1)?.holder.name === holder,
        `${holder} waits`,
      );
      // They come in seconds of their own: within one, chance decides.
      await sleep(1_000);
    }
    const { waiting } = await place.json<StatusJson>("status", ["k"]);
    expect(waiting).toEqual([
      { holder: { name: "second", host: hostname(), pid: expect.any(Number) }, since: ISO },
      { holder: { name: "third", host: hostname(), pid: expect.any(Number) }, since: ISO },
    ]);
    const text = await place.out("status", ["k"]);
    expect(text).toMatch(
      new RegExp(
        ` {2}waiting {2}1\\. second \\(host .*\\), since ${SINCE}\n {11}2\\. third \\(host .*\\), since ${SINCE}\n$`,
      ),
    );
    expect(await place.out("ls")).toMatch(/^k +held +first +\d+ s ago +2 +-$/m);
    await lock.release();
  });

  it("says who has permits, and who reads", async (test) => {
    const place = await Place.open(test);
    const { mutex } = place;
    const permits = [
      await new Semaphore(mutex, "partner", { permits: 3, holder: "a", purpose: "report" }).acquire(),
      await new Semaphore(mutex, "partner", { permits: 3, holder: "b" }).acquire(),
    ];
    const read = await new ReaderWriterLock(mutex, "index", { holder: "r" }).read.lock();
    const record = { leaseSeconds: 30, recordedAt: ISO, highestToken: TOKEN, fair: false };
    expect(linesOf(await place.out("status", ["partner"]))).toEqual([
      "partner: 2 of 3 permits",
      "  semaphore  2 of 3 permits",
      expect.stringMatching(/^ {13}permit 0: a \(host .*, pid \d+\) \(report\), for \d+ s$/),
      expect.stringMatching(new RegExp(`^ {13}permit ${permits[1]?.slot}: b \\(host .*, pid \\d+\\), for \\d+ s$`)),
    ]);
    expect(linesOf(await place.out("status", ["index"]))).toEqual(["index: 1 reader", `  readers  ${ownNamed("r")}`]);
    expect(await place.json<StatusJson>("status", ["partner"])).toEqual({
      ...place.where,
      key: "partner",
      isHeld: false,
      state: "available",
      infinite: false,
      kind: "semaphore",
      waiting: [],
      semaphore: {
        permits: 3,
        held: [
          { slot: 0, state: "leased", holder: own("a"), purpose: "report", ...record },
          { slot: permits[1]?.slot, state: "leased", holder: own("b"), ...record },
        ],
      },
    });
    expect(await place.json<StatusJson>("status", ["index"])).toMatchObject({
      readers: [{ state: "leased", holder: own("r") }],
    });
    expect(linesOf(await place.out("ls")).map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      ["KEY", "STATE", "HOLDER", "SINCE", "WAITING", "PURPOSE"],
      ["index", "1 reader", "r", "-", "-", "-"],
      ["partner", "2 of 3 permits", "a and 1 more", "-", "-", "-"],
    ]);
    await Promise.all([...permits, read].map((held) => held.release()));
  });

  it("says with --exit-code whether a lock, a permit or a read lock is held", async (test) => {
    const place = await Place.open(test);
    const { mutex } = place;
    const code = async (key: string): Promise<number | null> => (await place.end("status", ["--exit-code", key])).code;
    const lock = await mutex.locker("lock").lock();
    const permit = await new Semaphore(mutex, "pool", { permits: 2 }).acquire();
    const read = await new ReaderWriterLock(mutex, "index").read.lock();
    expect(await Promise.all(["lock", "pool", "index", "never"].map(code))).toEqual([0, 0, 0, 3]);
    await Promise.all([lock, permit, read].map((held) => held.release()));
    const said = async (key: string): Promise<number> => (await place.said("status", ["--exit-code", key])).code;
    expect(await Promise.all(["lock", "pool", "index"].map(said))).toEqual([3, 3, 3]);
    expect(await place.said("status", ["--exit-code", "lock", "--json"])).toMatchObject({
      code: 3,
      err: "",
      out: expect.stringContaining('"isHeld": false'),
    });
    expect((await place.said("status", ["lock"])).code).toBe(0);
  });

  it("takes only the permission to read, and says what it then cannot see", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const args = ["k", "--endpoint", place.proxy.url];
    const readOnly = await place.said("status", args, await place.sas("r"));
    expect(readOnly).toMatchObject({ code: 0, err: "" });
    expect(readOnly.out).toContain(`holder   ${ownNamed("web-3")}`);
    expect(readOnly.out).toContain("waiting  unknown: these credentials do not allow to list");
    expect((await place.said("status", args, await place.sas("rl"))).out).not.toContain("unknown");
    expect(await place.said("ls", args.slice(1), await place.sas("l"))).toMatchObject({
      code: 0,
      out: expect.stringContaining("web-3"),
    });
    const office = ["office", ...args.slice(1)];
    expect(await place.said("leader", office, await place.sas("r"))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^office: no leader\n {2}in /),
    });
    expect(await place.said("ls", args.slice(1), await place.sas("r"))).toMatchObject({ code: 77, out: "" });
    expect(await place.said("watch", args.slice(1), await place.sas("r"))).toMatchObject({ code: 77, out: "" });
    await lock.release();
  });

  it("lets nothing of other people's reach a terminal that would obey it", async (test) => {
    const place = await Place.open(test);
    const evil = `${ESCAPE}[2J\u202e\u009b2J`;
    const lock = await place.mutex.locker("k", { holder: evil, purpose: `${evil}\nfree` }).lock();
    const outs = await Promise.all([
      place.out("status", ["k"]),
      place.out("ls"),
      place.out("status", ["k", "--json"]),
      place.out("ls", ["--json"]),
    ]);
    for (const out of outs) expect(out.replaceAll("\n", "")).toMatch(/^[\x20-\x7e]*$/);
    const [status = "", , json = ""] = outs;
    expect(status).toContain("\\x1b[2J\\u{202e}\\x9b2J");
    expect(JSON.parse(json).holder.name).toBe(evil);
    await lock.release();
  });
});
