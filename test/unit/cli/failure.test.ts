import { describe, expect, it } from "vitest";
import { CommandError, EXIT } from "../../../src/cli/exit-codes.ts";
import { failureOf, usageText } from "../../../src/cli/failure.ts";
import { AzureMutex, LockTimeoutError, StoreUnavailableError } from "../../../src/index.ts";

const thrownBy = (code: () => unknown): unknown => {
  try {
    code();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};

const DEFECT = "internal error, a defect of azmutex that should be reported:";

describe("what a command says that failed", () => {
  it("is the message of an error that was foreseen, with its code", () => {
    expect(failureOf(new CommandError("nothing was changed", EXIT.held))).toEqual({
      line: "nothing was changed",
      exitCode: 75,
    });
    expect(failureOf(new LockTimeoutError("k", 5))).toEqual({
      line: 'lock on "k" was not free within 5 ms',
      exitCode: 124,
    });
  });

  it("is in the command line's words where the library refuses an option", () => {
    expect(failureOf(thrownBy(() => new AzureMutex({ useStorageEmulator: true, containerName: "A" })))).toEqual({
      line: expect.stringMatching(/^--container must be 3 to 63 .* not "A"$/),
      exitCode: 64,
    });
    expect(failureOf(new Error("azmutex needs the package x: npm install x"))).toEqual({
      line: "needs the package x: npm install x",
      exitCode: 64,
    });
  });

  it("is the cause too where the machine lacks something", () => {
    const lack = Object.assign(new Error("EMFILE: too many open files, open 'x'"), { code: "EMFILE" });
    const line = "no answer: EMFILE: too many open files, open 'x'";
    expect(failureOf(new StoreUnavailableError("no answer", "k", { cause: lack }))).toEqual({ line, exitCode: 71 });
    expect(failureOf(lack)).toEqual({ line: lack.message, exitCode: 71 });
    const circle = new Error("a circle");
    circle.cause = circle;
    expect(failureOf(circle).exitCode).toBe(70);
  });

  it.each([
    [new TypeError("reader.read is not a function"), "TypeError: reader.read is not a function"],
    [new TypeError("data is not iterable"), "TypeError: data is not iterable"],
    [new RangeError("Maximum call stack size exceeded"), "RangeError: Maximum call stack size exceeded"],
    ["a string", "a string"],
    [undefined, "undefined"],
    [Object.create(null), "[object Object]"],
    [{ secret: "canary" }, "[object Object]"],
    [() => "canary", "[object Function]"],
  ])("names a defect as one: %o", (thrown, text) => {
    expect(failureOf(thrown)).toEqual({ line: `${DEFECT} ${text}`, exitCode: 70 });
  });

  it("is one line that moves no cursor", () => {
    for (const thrown of [new Error("a\nb\u001b[2J\u202e"), new CommandError("a\nb\u001b[2J\u202e", EXIT.usage)]) {
      expect(failureOf(thrown).line).toMatch(/a\\x0ab\\x1b\[2J\\u\{202e\}$/);
    }
  });
});

describe("what commander says", () => {
  it("keeps its suggestion on a line of its own, and nothing else", () => {
    expect(usageText("error: unknown command 'ru\nn'\n(Did you mean run?)\n")).toBe(
      "azmutex: unknown command 'ru\\x0an'\n(Did you mean run?)",
    );
    expect(usageText("error: unknown option '--\n(Did you mean \u001b?)\nx'\n")).toBe(
      "azmutex: unknown option '--\\x0a(Did you mean \\x1b?)\\x0ax'",
    );
  });

  it("is left alone where it is help", () => {
    expect(usageText("Usage: azmutex\n\nOptions:\n  --help\n")).toBe("Usage: azmutex\n\nOptions:\n  --help");
  });
});
