import { hostname, userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerClient, ContainerSASPermissions } from "@azure/storage-blob";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { catches, until } from "../../lab/shared/processes.ts";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import type {
  BreakJson,
  LeaderJson,
  LeaderWatchJson,
  PlaceJson,
  StatusJson,
  WatchJson,
} from "../../src/cli/output/json.ts";
import { columnsOf } from "../../src/cli/terminal/columns.ts";
import { type AzureMutex, LeaderElection, ReaderWriterLock, Semaphore } from "../../src/index.ts";
import { Cli, type CliEnd, type CliOptions } from "../support/cli.ts";
import { gate } from "../support/gate.ts";
import { ownTime } from "../support/own-time.ts";
import {
  inShellOnTerminal,
  leftOnTerminal,
  onTerminal,
  resize,
  type TerminalOptions,
} from "../support/pseudo-terminal.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
const SINCE = `${TIME} \\(\\d+ s ago\\)`;
const ISO: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const TOKEN: unknown = expect.any(Number);
const UNNAMED_HOLDER = "an unnamed holder";
const ESCAPE = "\u001b";

/** A container and a way to it of its own, with a mutex in this process, and the command in others. */
class Place {
  readonly test: TestContext;
  readonly container: ContainerClient;
  readonly proxy: FaultProxy;
  readonly mutex: AzureMutex;

  private constructor(test: TestContext, container: ContainerClient, proxy: FaultProxy) {
    this.test = test;
    this.container = container;
    this.proxy = proxy;
    this.mutex = storage.mutex(container.containerName, { connectionString: proxy.connectionString });
  }

  static async open(test: TestContext): Promise<Place> {
    const proxy = await FaultProxy.start(storage.emulator);
    test.onTestFinished(() => proxy.close());
    return new Place(test, await storage.newContainer(), proxy);
  }

  start(command: string, args: readonly string[] = [], { env, ...options }: CliOptions = {}): Cli {
    return new Cli(this.test, this.#args(command, args), { env: { ...this.#account, ...env }, ...options });
  }

  end(command: string, args: readonly string[] = [], options: CliOptions = {}): Promise<CliEnd> {
    return this.start(command, args, options).ended;
  }

  /** Account and container, as every command names them. */
  get name(): string {
    return `${this.where.account}/${this.where.container}`;
  }

  /** The same, as `--json` prints them. */
  get where(): PlaceJson {
    return { account: this.proxy.url.replace("http://", ""), container: this.container.containerName };
  }

  /** What a command prints that ends well and says nothing else, without the line that says where the locks are. */
  async out(command: string, args: readonly string[] = []): Promise<string> {
    const { code, out, err } = await this.end(command, args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    if (args.includes("--json") || !["status", "ls", "leader"].includes(command)) return out;
    const where = command === "ls" ? `${this.name}\n` : (/^ {2}in .*\n/m.exec(out)?.[0] ?? "");
    expect(where).toMatch(/\S/);
    expect(out.startsWith(where) || where.trim().split(/ +/).at(-1)).toBe(command === "ls" || this.name);
    return out.replace(where, "");
  }

  /** What a break prints, and its line for the log: who broke which lock, when, and whose it was. */
  async broken(
    args: readonly string[],
    { what = args[0], whose }: { what?: string | undefined; whose: string },
  ): Promise<string> {
    const { code, out, err } = await this.end("break", [...args, "--yes"]);
    const line = `^azmutex: ${TIME} ${userInfo().username}@${hostname()} broke ${what} in ${this.name} by azmutex break; it was held by (.*), and is free in \\d+ s\n$`;
    expect({ code, whose: new RegExp(line).exec(err)?.[1] ?? err }).toEqual({ code: 0, whose });
    return out;
  }

  async json<T>(command: string, args: readonly string[] = []): Promise<T> {
    return JSON.parse(await this.out(command, [...args, "--json"])) as T;
  }

  onTerminal(command: string, args: readonly string[] = [], { env, ...options }: TerminalOptions = {}): Cli {
    return onTerminal(this.test, this.#args(command, args), { env: { ...this.#account, ...env }, ...options });
  }

  /** A job under a lock, once it runs. */
  async job(args: readonly string[]): Promise<Cli> {
    const run = this.start("run", [...args, "--", "sh", "-c", "echo runs; exec sleep 600"]);
    await run.printed(/runs/);
    return run;
  }

  /** What the SAS with these permissions lets in. */
  async sas(permissions: string): Promise<CliOptions> {
    const expiresOn = new Date(Date.now() + 86_400_000);
    const url = new URL(
      await this.container.generateSasUrl({ expiresOn, permissions: ContainerSASPermissions.parse(permissions) }),
    );
    return { env: { AZURE_STORAGE_CONNECTION_STRING: "", AZURE_STORAGE_SAS_TOKEN: url.search } };
  }

  /** The requests that there were, but for those that keep what is held. */
  requests(): string[] {
    return this.proxy.requests.map(({ operation }) => operation).filter((operation) => operation !== "renew");
  }

  get #account(): Readonly<Record<string, string>> {
    return { AZURE_STORAGE_CONNECTION_STRING: this.proxy.connectionString };
  }

  #args(command: string, args: readonly string[]): string[] {
    return [command, "--container", this.container.containerName, ...args];
  }
}

const own = (name: string) => ({ name, host: hostname(), pid: process.pid });
const ownNamed = (name: string): string => `${name} (host ${hostname()}, pid ${process.pid})`;
const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const withoutColours = (text: string): string => text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, "g"), "");

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
      place.end("ls"),
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
    expect(await Promise.all(["lock", "pool", "index"].map(code))).toEqual([3, 3, 3]);
    expect(await place.end("status", ["--exit-code", "lock", "--json"])).toMatchObject({
      code: 3,
      err: "",
      out: expect.stringContaining('"isHeld": false'),
    });
    expect((await place.end("status", ["lock"])).code).toBe(0);
  });

  it("takes only the permission to read, and says what it then cannot see", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const args = ["k", "--endpoint", place.proxy.url];
    const readOnly = await place.end("status", args, await place.sas("r"));
    expect(readOnly).toMatchObject({ code: 0, err: "" });
    expect(readOnly.out).toContain(`holder   ${ownNamed("web-3")}`);
    expect(readOnly.out).toContain("waiting  unknown: these credentials do not allow to list");
    expect((await place.end("status", args, await place.sas("rl"))).out).not.toContain("unknown");
    expect(await place.end("ls", args.slice(1), await place.sas("l"))).toMatchObject({
      code: 0,
      out: expect.stringContaining("web-3"),
    });
    const office = ["office", ...args.slice(1)];
    expect(await place.end("leader", office, await place.sas("r"))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^office: no leader\n {2}in /),
    });
    expect(await place.end("ls", args.slice(1), await place.sas("r"))).toMatchObject({ code: 77, out: "" });
    expect(await place.end("watch", args.slice(1), await place.sas("r"))).toMatchObject({ code: 77, out: "" });
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

describe.concurrent("azmutex ls", () => {
  it("prints nothing for nothing, and says so to people alone", async (test) => {
    const place = await Place.open(test);
    const { name } = place;
    const ends = await Promise.all([[], ["x/"], ["--json"]].map((args) => place.end("ls", args)));
    expect(ends).toMatchObject([
      { code: 0, out: "", err: `azmutex: no locks in ${name}\n` },
      { code: 0, out: "", err: `azmutex: no locks in ${name} with keys that begin with "x/"\n` },
      { code: 0, out: "[]\n", err: "" },
    ]);
  });

  it("lists what is held and then what was, by key, with one request, and only what begins with the prefix", async (test) => {
    const place = await Place.open(test);
    const { mutex } = place;
    await mutex.locker("a/free", { holder: "past" }).run(() => undefined);
    const lock = await mutex.locker("a/held", { holder: "web-3", purpose: "schema 42" }).lock();
    await mutex.acquire("b/raw", 60);
    const before = place.requests().length;
    expect(linesOf(await place.out("ls")).map((line) => line.split(/ {2,}/))).toEqual([
      ["KEY", "STATE", "HOLDER", "SINCE", "WAITING", "PURPOSE"],
      ["a/held", "held", "web-3", expect.stringMatching(/^\d+ s ago$/), "-", "schema 42"],
      ["b/raw", "held", "an unnamed holder", "-", "-", "-"],
      ["a/free", "free", "-", "-", "-", "-"],
    ]);
    expect(place.requests().slice(before)).toEqual(["list"]);
    const found = await place.json<StatusJson[]>("ls", ["a/"]);
    expect(found.map(({ key, isHeld }) => ({ key, isHeld }))).toEqual([
      { key: "a/free", isHeld: false },
      { key: "a/held", isHeld: true },
    ]);
    expect(found[1]).toEqual(await place.json("status", ["a/held"]));
    const held = [
      ["ls", "--held"],
      ["ls", "--held", "--json"],
    ] as const;
    const [rows = "", json = ""] = await Promise.all(held.map(([command, ...args]) => place.out(command, args)));
    expect(linesOf(rows).map((line) => line.split(" ")[0])).toEqual(["KEY", "a/held", "b/raw"]);
    expect((JSON.parse(json) as StatusJson[]).map(({ key }) => key)).toEqual(["a/held", "b/raw"]);
    await Promise.all([lock.release(), mutex.release("b/raw")]);
  });

  it("makes no noise when its reader has seen enough", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const closed = ["sh", "-c", 'exec "$@" | head -1', "sh", process.execPath];
    expect(await place.end("ls", [], { through: closed })).toMatchObject({ code: 0, err: "", out: `${place.name}\n` });
    const noReader = ["bash", "-c", '"$@" > >(exec sleep 0); echo "code $?" >&2', "bash", process.execPath];
    const { err } = await place.end("watch", ["--every", "500ms"], { through: noReader });
    expect(err).toBe(`azmutex: watching ${place.name}\ncode 141\n`);
    await lock.release();
  });

  it("says with 74 that standard output cannot be written, as every command that prints does", async (test) => {
    const place = await Place.open(test);
    const held = await place.mutex.locker("k").lock();
    const full = { through: ["sh", "-c", 'exec "$@" >/dev/full', "sh", process.execPath] };
    const commands = [
      ["ls"],
      ["ls", "--json"],
      ["watch"],
      ["status", "k"],
      ["leader", "office"],
      ["break", "k", "--yes"],
      ["ui", "--port", "0"],
    ] as const;
    const ends = await Promise.all(commands.map(([command, ...args]) => place.end(command, args, full)));
    const err = "azmutex: could not write to standard output: ENOSPC: no space left on device, write";
    expect(ends.map(({ code, err }) => ({ code, err: linesOf(err).at(-1) }))).toEqual(
      commands.map(() => ({ code: 74, err })),
    );
    for (const args of [["--help"], ["run", "-h"], ["-V"], ["completion", "bash"]]) {
      const { code, err: said } = await new Cli(test, args, full).ended;
      expect({ args, code, said }).toEqual({ args, code: 74, said: `${err}\n` });
    }
    // It was broken all the same.
    expect(await place.json<StatusJson>("status", ["k"])).toMatchObject({ state: "breaking" });
    await held.release();
  });

  it("ends as if it had said what cannot be written to standard error", async (test) => {
    const place = await Place.open(test);
    const full = { through: ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", process.execPath] };
    const held = await place.mutex.locker("k").lock();
    const ends = await Promise.all([
      place.end("ls", ["none/"], full),
      place.end("run", ["--try", "k", "--", "true"], full),
      place.end("run", ["other", "--", "sh", "-c", "echo runs; exit 5"], full),
    ]);
    expect(ends.map(({ code, out }) => ({ code, out }))).toEqual([
      { code: 0, out: "" },
      { code: 75, out: "" },
      { code: 5, out: "runs\n" },
    ]);
    await held.release();
  });

  it("names --held below a table that is longer than the terminal, of which the rows in use are out of sight", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("held").lock();
    for (const key of ["a", "b", "c", "d"]) await place.mutex.locker(key).run(() => undefined);
    const last = async (rows: number, args: readonly string[] = []): Promise<string | undefined> => {
      const { out } = await place.onTerminal("ls", args, { rows, env: { NO_COLOR: "1" } }).ended;
      return leftOnTerminal(out).trimEnd().split("\r\n").at(-1);
    };
    expect(await Promise.all([last(8), last(9), last(8, ["--held"])])).toEqual([
      "5 locks: 1 held, 4 free; --held shows those in use alone, and azmutex watch scrolls",
      "5 locks: 1 held, 4 free",
      "5 locks: 1 held, 4 free",
    ]);
    await lock.release();
  });

  it("fits the terminal, with the totals below; piped it is whole", async (test) => {
    const place = await Place.open(test);
    const key = `deploy/${"k".repeat(1_012)}/shop`;
    const [name, purpose] = [`build-${"7".repeat(240)}:4123`, "release ".repeat(100)];
    const locks = await Promise.all([
      place.mutex.locker(key, { holder: name, purpose }).lock(),
      place.mutex.locker("夜间任务", { holder: "批处理", purpose: "月度报告" }).lock(),
    ]);
    await place.mutex.locker("past").run(() => undefined);
    const shown = async (columns: number, command = "ls", args: readonly string[] = []): Promise<string[]> => {
      const { out } = await place.onTerminal(command, args, { columns, env: { NO_COLOR: "1" } }).ended;
      return linesOf(leftOnTerminal(out).replaceAll("\r", "")).slice(1);
    };
    const [narrow = [], wide = [], status = []] = await Promise.all([
      shown(80),
      shown(200),
      shown(80, "status", [key]),
    ]);
    expect(narrow).toEqual([
      place.name,
      expect.stringMatching(/^KEY +STATE +HOLDER +SINCE +WAITING +PURPOSE$/),
      expect.stringMatching(/^deploy\/k+…k+\/shop +held +build-7+…7+:4123 +\d+ s ago +- +release.*…$/),
      expect.stringMatching(/^夜间任务 +held +批处理 +\d+ s ago +- +月度报告$/),
      expect.stringMatching(/^past +free +- +- +- +-$/),
      "3 locks: 2 held, 1 free",
    ]);
    for (const [columns, lines] of [
      [80, narrow],
      [200, wide],
      [80, status],
    ] as const) {
      expect(lines.filter((line) => columnsOf(line) > columns)).toEqual([]);
    }
    // The room that a wider terminal has is used.
    expect(columnsOf(wide[2] ?? "")).toBe(200);
    expect(status[0]).toMatch(/^deploy\/k+…k+\/shop: held$/);
    const piped = await place.out("ls");
    for (const whole of [key, name, purpose.trimEnd()]) expect(piped).toContain(whole);
    expect(linesOf(piped)).toHaveLength(4);
    expect(await place.out("status", [key])).toContain(`${key}: held\n  holder   ${name}`);
    await Promise.all(locks.map((lock) => lock.release()));
  });

  it("is coloured on a terminal, unless NO_COLOR says otherwise", async (test) => {
    const place = await Place.open(test);
    const lock = await place.mutex.locker("k", { holder: "web-3" }).lock();
    const shown = await place.onTerminal("ls").ended;
    expect(shown.code).toBe(0);
    expect(shown.out).toContain(`${ESCAPE}[33mheld${ESCAPE}[0m`);
    const plain = await place.onTerminal("ls", [], { env: { NO_COLOR: "1" } }).ended;
    expect(leftOnTerminal(plain.out)).toMatch(/^k +held +web-3 /m);
    expect(leftOnTerminal(plain.out)).not.toContain(ESCAPE);
    expect(await place.out("ls")).not.toContain(ESCAPE);
    await lock.release();
  });
});

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
    expect(await place.end("watch", args)).toMatchObject({
      code: 64,
      out: "",
      err: expect.stringContaining(complaint),
    });
    expect(place.requests()).toEqual([]);
  });
});

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
        `^azmutex: lock on "k" in ${place.name} lost: broken by another process \\(renewal refused: 409 LeaseIs.*\\): the command was stopped\n$`,
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
    expect(await place.end("break", ["k", "--if-holder", "web-4", "--yes"])).toMatchObject({
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
      `k in ${place.name} is held by web-3 \\(schema 42\\), since ${SINCE}; ${STOPPED}; it is free in at most 30 s; break it\\? \\[y/N\\] $`,
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
      /these credentials do not allow to see who holds permit 0 of k in \S+; its holder will be stopped: .*; it is free in at most 2 s; break it\? \[y\/N\] $/,
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
    const { code, out, err } = await place.end("break", args);
    expect({ code, out }).toEqual({ code: 64, out: "" });
    expect(err).toContain(complaint);
    expect(linesOf(err)).toHaveLength(1);
    expect(place.requests()).toEqual([]);
  });
});

describe.concurrent("azmutex leader", () => {
  it("says that there is no leader, or which, with one request", async (test) => {
    const place = await Place.open(test);
    expect(await place.out("leader", ["office"])).toBe("office: no leader\n");
    expect(place.requests()).toEqual(["read"]);
    expect(await place.json("leader", ["office"])).toEqual({ ...place.where, name: "office", leader: null });
    const leadership = await new LeaderElection(place.mutex, "office", {
      candidate: "blue",
      data: "http://10.0.0.7",
    }).campaign();
    expect(linesOf(await place.out("leader", ["office"]))).toEqual([
      "office: led",
      `  leader  ${ownNamed("blue")}`,
      `  term    ${leadership.term}`,
      expect.stringMatching(new RegExp(`^ {2}since {3}${SINCE}$`)),
      "  data    http://10.0.0.7",
    ]);
    expect(await place.json<LeaderJson>("leader", ["office"])).toEqual({
      ...place.where,
      name: "office",
      leader: { term: leadership.term, candidate: "blue", holder: own("blue"), since: ISO, data: "http://10.0.0.7" },
    });
    await leadership.resign();
    expect(await place.out("leader", ["office"])).toBe("office: no leader\n");
  });

  it("says with --exit-code whether there is one", async (test) => {
    const place = await Place.open(test);
    const code = async (): Promise<number | null> => (await place.end("leader", ["--exit-code", "office"])).code;
    expect(await code()).toBe(3);
    const leadership = await new LeaderElection(place.mutex, "office").campaign();
    expect(await code()).toBe(0);
    await leadership.release();
    expect(await code()).toBe(3);
  });

  it("prints each change until it is interrupted, also through an outage", async (test) => {
    const place = await Place.open(test);
    const watch = place.start("leader", ["office", "--watch", "--every", "500ms"]);
    const json = place.start("leader", ["office", "--watch", "--every", "500ms", "--json"]);
    await Promise.all([watch.printed(new RegExp(`^${TIME} office no leader\n$`)), json.printed(/"leader":null/)]);
    const election = place.start("elect", ["office", "--candidate", "blue", "--data", "one", "--", "sleep", "600"]);
    await Promise.all([watch.printed(/office led by blue in term \d+: one\n/), json.printed(/"blue"/)]);
    place.proxy.serverBusy("read");
    await watch.printed(/still watching/);
    place.proxy.heal();
    await watch.printed(/the service answers again/);
    election.kill("SIGTERM");
    await Promise.all([watch.printed(/led by blue.*\n.*no leader\n$/), json.printed(/"blue".*\n.*null/)]);
    watch.kill("SIGINT");
    json.kill("SIGTERM");
    expect(await watch.ended).toMatchObject({ code: 130 });
    expect(await json.ended).toMatchObject({ code: 143 });
    expect(linesOf(watch.out)).toHaveLength(3);
    const leader = {
      term: TOKEN,
      candidate: "blue",
      holder: { name: "blue", host: hostname(), pid: election.pid },
      since: ISO,
      data: "one",
    };
    expect(linesOf(json.out).map((line) => JSON.parse(line) as LeaderWatchJson)).toEqual([
      { at: ISO, ...place.where, name: "office", leader: null },
      { at: ISO, ...place.where, name: "office", leader },
      { at: ISO, ...place.where, name: "office", leader: null },
    ]);
  });
});
