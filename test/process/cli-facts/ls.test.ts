import { describe, expect, it } from "vitest";
import type { StatusJson } from "../../../src/cli/output/json.ts";
import { columnsOf } from "../../../src/cli/terminal/columns.ts";
import { Cli } from "../../support/cli.ts";
import { leftOnTerminal } from "../../support/pseudo-terminal.ts";
import { ESCAPE, linesOf, Place } from "./place.ts";

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

  it("lists what is held, then what was, by key, with one request, and by prefix", async (test) => {
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
    expect(await place.json<StatusJson>("status", ["k"])).toMatchObject({
      state: expect.toBeOneOf(["breaking", "broken"]),
    });
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

  it("names --held below a table longer than the terminal, of which the rows in use are out of sight", async (test) => {
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
