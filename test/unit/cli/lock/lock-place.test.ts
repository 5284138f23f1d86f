import { describe, expect, it } from "vitest";
import { CommandError, EXIT } from "../../../../src/cli/exit-codes.ts";
import { placed, withPlace } from "../../../../src/cli/lock/lock-place.ts";
import { LockLostError, LockTimeoutError, StoreUnavailableError } from "../../../../src/errors.ts";

describe("the place of a lock", () => {
  it("stands behind its key, whatever the key has in it", () => {
    expect(withPlace('lock on "a$&b" is held by another', "a$&b", "acme/locks")).toBe(
      'lock on "a$&b" in acme/locks is held by another',
    );
    expect(withPlace('leading "k"', "k", "acme/locks")).toBe('leading "k"');
  });

  it("is said where the lock was lost or not won, with the code that this has", () => {
    const lost = new LockLostError("k", "broken", "broken by another process");
    expect(placed(lost, "k", "acme/locks")).toEqual(
      new CommandError('lock on "k" in acme/locks lost: broken by another process', EXIT.lost, { cause: lost }),
    );
    const held = new CommandError('lock on "k" is held by another', 7);
    expect(placed(held, "k", "acme/locks")).toMatchObject({
      message: 'lock on "k" in acme/locks is held by another',
      exitCode: 7,
    });
  });

  it("is not said where an error says it already, or is about this machine", () => {
    const silent = new StoreUnavailableError('could not acquire "k" in acme/locks: no answer', "k", {
      answered: false,
    });
    const short = new LockTimeoutError("k", 5, { cause: Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" }) });
    for (const error of [silent, short, "aborted"]) expect(placed(error, "k", "acme/locks")).toBe(error);
  });
});
