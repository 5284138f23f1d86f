import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { localWakeUps } from "../../../../../src/index.ts";
import { LocalDirectory } from "../../../../../src/waiting/wake-ups/local/local-directory.ts";
import { newDirectory } from "../../../../support/state-place.ts";

const ID = "4123-0123456789abcdef";
const TOPIC = "0f".repeat(32);

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("the directory of local wake-ups", () => {
  it("is made for its owner alone, and so is what processes have in it", () => {
    const path = join(newDirectory(), "azmutex");
    const directory = new LocalDirectory(path);
    expect(directory.ids()).toEqual([]);
    directory.enter(ID);
    directory.add(ID, TOPIC);
    expect(modeOf(path)).toBe(0o700);
    expect(modeOf(join(path, ID))).toBe(0o700);
    expect(modeOf(join(path, ID, TOPIC))).toBe(0o600);
    expect(directory.ids()).toEqual([ID]);
    expect(directory.isListening(ID, TOPIC)).toBe(true);
    expect(directory.isFoundBy(ID, TOPIC)).toBe(false);
    directory.remove(ID);
    expect(readdirSync(path)).toEqual([]);
    directory.remove(ID);
  });

  it("is one of this user's among the machine's temporary files, unless another is named", () => {
    expect(new LocalDirectory(undefined).path).toBe(join(tmpdir(), `azmutex-${process.geteuid?.()}`));
  });

  it("leaves alone what no process of azmutex has there", () => {
    const path = newDirectory();
    mkdirSync(join(path, "another"));
    writeFileSync(join(path, "4123-0123456789abcdeg"), "");
    expect(new LocalDirectory(path).ids()).toEqual([]);
  });

  it.each<[string, string, (path: string) => void]>([
    ["a symbolic link", "it is a symbolic link", (path) => symlinkSync(newDirectory(), path)],
    ["a dangling link", "it is a symbolic link", (path) => symlinkSync("/nowhere", path)],
    ["a file", "it is no directory", (path) => writeFileSync(path, "")],
    ["one that others may enter", "other users may read or write it (chmod 700)", (path) => open(path, 0o711)],
    ["one that the group may write to", "other users may read or write it (chmod 700)", (path) => open(path, 0o730)],
  ])("is refused where it is %s", (_, why, make) => {
    const path = join(newDirectory(), "azmutex");
    make(path);
    const directory = new LocalDirectory(path);
    expect(() => directory.enter(ID)).toThrow(`${path}: ${why}`);
    expect(() => directory.ids()).toThrow(`${path}: ${why}`);
  });

  it("is refused where it belongs to another user", () => {
    const path = newDirectory();
    const directory = new LocalDirectory(path, { platform: "linux", uid: 4_123 });
    expect(() => directory.enter(ID)).toThrow(`${path}: it belongs to another user`);
    expect(() => directory.ids()).toThrow(`${path}: it belongs to another user`);
  });

  it("is not made below one that is not there", () => {
    const path = join(newDirectory(), "none", "azmutex");
    expect(() => new LocalDirectory(path).enter(ID)).toThrow(`${path}: it cannot be made (ENOENT)`);
  });

  it("has a path that leaves room for a socket", () => {
    const longest = (platform: NodeJS.Platform, bytes: number): string =>
      new LocalDirectory(`/${"d".repeat(bytes - `//${ID}/socket`.length)}`, { platform, uid: 0 }).socketOf(ID);
    expect(longest("linux", 107)).toHaveLength(107);
    expect(longest("darwin", 103)).toHaveLength(103);
    expect(() => longest("linux", 108)).toThrow(
      /^\/d+: its path is too long: that of a socket in it has more than 107/,
    );
    expect(() => longest("darwin", 104)).toThrow("more than 103 bytes");
  });

  it("has named pipes on Windows, and asks there neither for the owner nor for the mode", () => {
    const path = newDirectory();
    chmodSync(path, 0o777);
    const directory = new LocalDirectory(path, { platform: "win32", uid: undefined });
    expect(directory.socketOf(ID)).toBe(String.raw`\\.\pipe\azmutex-${ID}`);
    directory.enter(ID);
    directory.add(ID, TOPIC);
    expect(directory.ids()).toEqual([ID]);
    expect(directory.isFoundBy(ID, TOPIC)).toBe(true);
  });
});

describe("localWakeUps", () => {
  it.each(["", "a\0b", 7, null, {}])("takes no directory that is no path: %j", (directory) => {
    expect(() => localWakeUps({ directory: directory as never })).toThrow(/^directory must be the path of a directory/);
  });
});

function open(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}
