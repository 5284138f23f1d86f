import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidKeyError } from "../../../../src/errors.ts";
import { checkContainerName, checkKey, checkPrefix } from "../../../../src/store/azure/blob-name.ts";

describe("a key", () => {
  it.each([
    "a",
    "nightly-report",
    "tenants/42/import",
    "Größe 🔒 ümlaut",
    "a//b",
    "/a",
    "a b?c#d%2F&e=f+g",
    ".hidden",
    "a/.b",
    ".azmutexes",
    "x".repeat(1_024),
    `${"s/".repeat(253)}s`,
  ])("may be %j", (key) => {
    checkKey(key);
  });

  it.each([
    ["", "is empty"],
    ["x".repeat(1_025), "1025 characters"],
    [`${"s/".repeat(254)}s`, "255 segments"],
    [".", 'segment "."'],
    ["..", 'segment "."'],
    ["a/../b", 'segment "."'],
    ["a/./b", 'segment "."'],
    ["a\\b", "backslash"],
    ["a\nb", "character"],
    ["a\u0000b", "character"],
    ["a\u0081b", "character"],
    ["a\ud800b", "character"],
    ["a\ue000b", "character"],
    ["a.", "dot"],
    ["a./b", "dot"],
    ["a/", "slash"],
    [".azmutex/queue", "keeps for itself"],
    [".azmutex", "keeps for itself"],
  ])("may not be %j", (key, fault) => {
    expect(() => checkKey(key)).toThrow(InvalidKeyError);
    expect(() => checkKey(key)).toThrow(fault);
    expect(() => checkKey(key)).toThrow(/^key "/);
  });

  it.each([undefined, null, 7, {}, ["a"]])("may not be %j, which is no string", (key) => {
    expect(() => checkKey(key)).toThrow(/^key must be a string, not/);
  });

  it("that is accepted comes through a URL to the letter, whatever it is", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.string({ unit: fc.constantFrom(".", "/", "\\", "%", "2", "e", "?", "#", " ", "a"), maxLength: 12 }),
    );
    fc.assert(
      fc.property(text, (key) => {
        try {
          checkKey(key);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidKeyError);
          return;
        }
        const url = new URL(`https://account.blob.core.windows.net/locks/${encodeURIComponent(key)}`);
        expect(decodeURIComponent(url.pathname)).toBe(`/locks/${key}`);
      }),
      { numRuns: 5_000, seed: 20_261_123 },
    );
  });
});

describe("a container's name", () => {
  it.each(["abc", "locks", "my-locks-2", "0a0", "a".repeat(63)])("may be %j", (name) => {
    checkContainerName(name);
  });

  it.each(["ab", "a".repeat(64), "Locks", "a--b", "-ab", "ab-", "a_b", "a.b", "$root", "", undefined, 7])(
    "may not be %j",
    (name) => {
      expect(() => checkContainerName(name)).toThrow(/^containerName must be 3 to 63/);
    },
  );
});

describe("a prefix", () => {
  it("may end with a slash, and be empty", () => {
    checkPrefix("tenants/");
    checkPrefix("");
  });

  it.each(["a\\b", "a\nb", 7, "x".repeat(1_025)])("may not be %j", (prefix) => {
    expect(() => checkPrefix(prefix)).toThrow(/^prefix must be/);
  });
});
