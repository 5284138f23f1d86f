import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { MemoryLeaseStore } from "../../../../src/testing/index.ts";
import { newDirectory } from "../../../support/state-place.ts";

const ANOTHER_USER = 65_534;
const isRoot = process.geteuid?.() === 0;

const mutexOn = (stateDirectory: unknown): AzureMutex =>
  new AzureMutex({ store: new MemoryLeaseStore(), stateDirectory: stateDirectory as string });

/** A directory that every user may write to, and that is another user's. */
function publicDirectory(): string {
  if (!isRoot) return tmpdir();
  const directory = newDirectory();
  chownSync(directory, ANOTHER_USER, ANOTHER_USER);
  chmodSync(directory, 0o777);
  return directory;
}

/** A directory that this process may not write to. */
function lockedDirectory(): string {
  if (isRoot) return "/proc/azmutex";
  const directory = newDirectory();
  chmodSync(directory, 0o500);
  return directory;
}

describe("a state directory", () => {
  it.each([
    ["a number", 7, "7"],
    ["empty", "", '""'],
    ["null", null, "null"],
    ["with a NUL", "/tmp/a\0b", "a"],
  ])("that is no path is refused with its name and its value: %s", (_, value, shown) => {
    const refused = () => mutexOn(value);
    expect(refused).toThrow(TypeError);
    expect(refused).toThrow(/^stateDirectory must be the path of a directory, not /);
    expect(refused).toThrow(shown);
  });

  it("that is a file, or below one, is refused", () => {
    const file = join(newDirectory(), "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below")])
      expect(() => mutexOn(path)).toThrow(
        `stateDirectory must be a directory that this process may write to, not "${path}": it is no directory`,
      );
  });

  it("that may not be written to is refused", () => {
    const path = lockedDirectory();
    const refused = () => mutexOn(path);
    expect(refused).toThrow(TypeError);
    expect(refused).toThrow(/^stateDirectory must be a directory .*: E(?:ACCES|NOENT)$/);
  });

  it("of another user to which every user may write is refused, and one below it is taken", () => {
    const path = publicDirectory();
    expect(() => mutexOn(path)).toThrow(/: every user may write to it, and it is another user's; name .* below it$/);
    if (isRoot) expect(() => mutexOn(join(path, "below"))).not.toThrow();
  });

  it("is made for its owner alone, with those above it", () => {
    const path = join(newDirectory(), "a", "b");
    mutexOn(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it("that is there keeps its mode: a pod's volume is everybody's to write", () => {
    const path = join(newDirectory(), "volume");
    mkdirSync(path);
    chmodSync(path, 0o777);
    mutexOn(path);
    expect(statSync(path).mode & 0o777).toBe(0o777);
  });

  it("is asked for by nothing else", () => {
    const path = join(newDirectory(), "not-made");
    new AzureMutex({ store: new MemoryLeaseStore(), stateDirectory: undefined });
    expect(existsSync(path)).toBe(false);
  });
});
