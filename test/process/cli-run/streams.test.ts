import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { gone, watchdogOf } from "../../../lab/shared/processes.ts";
import { folder, inShell, runShell, start } from "./run.ts";

describe.concurrent("azmutex run", () => {
  describe("standard streams", () => {
    it("passes ten million bytes on whole, through a pipe whose reader is slow", async (test) => {
      const run = runShell(test, "head -c 10000000 /dev/zero | tr '\\0' x; echo end", {
        through: inShell('"$@" 2>&1 | (sleep 0.3; wc -c)'),
      });
      test.expect(await run.ended).toMatchObject({ code: 0, out: "10000004\n", err: "" });
    });

    it("passes bytes in as they are", async (test) => {
      const input = randomBytes(1_000_000);
      const run = runShell(test, "sha256sum", { input });
      test.expect((await run.ended).out).toContain(createHash("sha256").update(input).digest("hex"));
    });

    it("lets the command die of a reader that goes away, and goes with it", async (test) => {
      const run = start(test, ["run", randomUUID(), "--", "yes"], {
        through: inShell('{ "$@"; echo "code $?" >&2; } | head -n 1'),
      });
      test.expect(await run.ended).toMatchObject({ code: 0, out: "y\n", err: "code 141\n" });
    });

    it.for([
      { closed: "input", how: '"$@" <&-' },
      { closed: "output", how: '"$@" >&-' },
      { closed: "error", how: '"$@" 2>&-' },
      { closed: "everything", how: '"$@" <&- >&- 2>&-' },
    ])("works with a closed standard $closed", async ({ closed, how }, test) => {
      const run = runShell(test, `echo done > closed-${closed}; exit 9`, { through: inShell(how) });
      test.expect(await run.ended).toMatchObject({ code: 9 });
      test.expect(readFileSync(join(folder, `closed-${closed}`), "utf8")).toBe("done\n");
    });

    it("does not keep the caller's pipes open, and leaves no watchdog behind", async (test) => {
      const run = runShell(test, 'echo "ppid $PPID"; read -r _', { input: "open" });
      const [, wrapper] = await run.printed(/^ppid (\d+)$/m);
      const watchdog = await watchdogOf(Number(wrapper));
      const files = readdirSync(`/proc/${watchdog}/fd`).map((fd) => readlinkSync(`/proc/${watchdog}/fd/${fd}`));
      const theirs = [0, 1, 2]
        .map((fd) => readlinkSync(`/proc/${wrapper}/fd/${fd}`))
        .filter((file) => file !== "/dev/null");
      test.expect(theirs).toHaveLength(3);
      test.expect(files.filter((file) => theirs.includes(file))).toEqual([]);
      test.expect(readFileSync(`/proc/${watchdog}/environ`, "utf8")).toBe("");
      test.expect(readlinkSync(`/proc/${watchdog}/cwd`)).toBe("/");
      run.type("\n");
      // "close": no process has the pipes any more.
      test.expect(await run.ended).toMatchObject({ code: 0 });
      await gone([watchdog]);
    });
  });

  describe("bytes that are not UTF-8", () => {
    const DUMP = `printf %s "$V" | od -An -tx1`;

    it("reach the command in its environment", async (test) => {
      const run = runShell(test, `${DUMP}; echo "$AZMUTEX_KEY" "$AZMUTEX_SLOT"; env | grep -c ^AZMUTEX_JOB`, {
        args: ["nightly"],
        env: { AZMUTEX_SLOT: "7" },
        through: inShell(`V=$(printf 'caf\\351'); export V; exec "$@"`),
      });
      test.expect(await run.ended).toMatchObject({ code: 0, out: " 63 61 66 e9\nnightly \n1\n", err: "" });
    });

    it("in the environment change nothing about a command that is not there", async (test) => {
      const through = inShell(`V=$(printf 'caf\\351'); export V; exec "$@"`);
      const run = start(test, ["run", randomUUID(), "--", "no-such-command"], { through });
      test.expect(await run.ended).toMatchObject({ code: 127, err: 'azmutex: "no-such-command": command not found\n' });
    });

    it.for([
      { where: "of the command", args: ["run", "k", "--", "echo"], index: 5 },
      { where: "of azmutex itself, a key say", args: ["status"], index: 2 },
    ])("are refused as an argument $where", async ({ args, index }, test) => {
      const run = start(test, args, { through: inShell(`exec "$@" "$(printf 'caf\\351')"`) });
      const { code, out, err } = await run.ended;
      test.expect({ code, out }).toEqual({ code: 64, out: "" });
      test.expect(err).toMatch(new RegExp(`^azmutex: argument ${index} \\("caf\uFFFD"\\) is not UTF-8, .*\n$`));
    });

    it("do not get a replacement character refused that is one", async (test) => {
      const run = start(test, ["run", randomUUID(), "--", "echo", "caf\uFFFD"]);
      test.expect(await run.ended).toMatchObject({ code: 0, out: "caf\uFFFD\n" });
    });
  });
});
