import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
  scripts: Readonly<Record<string, string>>;
};

/** `npm test` without the build, which other tests stand on. */
function tested(args: readonly string[], { PATH = "", HOME = "" } = process.env) {
  const [, ...words] = (scripts.test ?? "").split(" && ")[1]?.split(" ") ?? [];
  return spawnSync(process.execPath, [...words, ...args], {
    cwd: PROJECT,
    env: { PATH, HOME, NO_COLOR: "1" },
    encoding: "utf8",
  });
}

describe("npm test", () => {
  it("ends with one line that says what was left out, and how that is run; before it, which server is missing", () => {
    const files = ["test/unit/waiting/backoff.test.ts", "test/servers/redis.test.ts"];
    const { status, stdout } = tested(["--project", "unit", "--project", "servers", ...files], { PATH: "" });
    expect(status).toBe(0);
    expect(stdout).toMatch(/Test Files +1 passed/);
    expect(stdout).toContain(
      "Left out, as Debian's redis-server or its like is not installed: test/**/servers/redis.test.ts.\n",
    );
    const last = stdout.trimEnd().split("\n").at(-1) ?? "";
    expect(last).toMatch(/^Left out, as they take minutes: `npm run test:slow`\. As they need more than npm: /);
    const named = [...last.matchAll(/`npm run ([\w:]+)`/g)].map(([, name = ""]) => name);
    expect(named).toEqual(["test:slow", "model", "interop", "faults", "bench"]);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("fails where the tests fail", () => {
    expect(tested(["--project", "unit", "test/unit/there-is-none.test.ts"]).status).toBe(1);
  });
});
