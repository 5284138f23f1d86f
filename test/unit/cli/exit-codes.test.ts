import { describe, expect, it } from "vitest";
import { CommandError, EXIT, exitCodeFor } from "../../../src/cli/exit-codes.ts";
import {
  AccessDeniedError,
  InvalidKeyError,
  LockLostError,
  LockTimeoutError,
  NotHeldError,
  StoreRefusedError,
  StoreUnavailableError,
} from "../../../src/index.ts";

describe("the exit codes", () => {
  it("are no two alike, and those of our own differ from what a job or a signal would end with by habit", () => {
    const codes = Object.values(EXIT);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => code <= 2)).toEqual([]);
  });

  it.for([
    { thrown: new CommandError("held", EXIT.held), code: 75 },
    { thrown: new LockTimeoutError("k", 1), code: 124 },
    { thrown: new LockLostError("k", "broken", "renewal refused"), code: 79 },
    { thrown: new NotHeldError("k"), code: 79 },
    { thrown: new StoreUnavailableError("no answer", "k"), code: 69 },
    { thrown: new InvalidKeyError("no key"), code: 64 },
    { thrown: new StoreRefusedError("an immutability policy", "k"), code: 76 },
    { thrown: new AccessDeniedError("no", "k"), code: 77 },
    { thrown: new Error("a bug"), code: 70 },
    { thrown: "a string", code: 70 },
  ])("$code for $thrown", ({ thrown, code }) => {
    expect(exitCodeFor(thrown)).toBe(code);
  });
});
