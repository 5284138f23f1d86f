import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { LifeSocket } from "../../../../src/locks/restart/life-socket.ts";
import { isDead, isLocal } from "../../../../src/locks/restart/proof-of-death.ts";
import type { StateRecord } from "../../../../src/locks/restart/state-file.ts";
import { deadProcess, deadSocket, here, newDirectory } from "../../../support/state-place.ts";

const SOCKET = "azmutex-4123-0a1b2c3d.sock";
/** A pid above the highest that Linux gives out. */
const NO_PID = 2 ** 22 + 1;

function record(changes: Partial<StateRecord["process"]>, socket?: StateRecord["socket"]): StateRecord {
  return { process: { ...here(), ...changes }, socket, address: undefined, leases: [] };
}

/** A directory with the socket of a dead process, and what its state file would say of it. */
async function withDeadSocket(directory = newDirectory()) {
  await deadSocket(directory, SOCKET);
  const socket = { name: SOCKET, inode: String(statSync(join(directory, SOCKET), { bigint: true }).ino) };
  return { directory, socket };
}

async function listening(directory = newDirectory()) {
  const socket = await LifeSocket.listen(directory, SOCKET);
  onTestFinished(() => socket.close());
  return { directory, socket };
}

const elsewhere = { namespaces: "pid:[1] time:[2]" };

describe("a process of this namespace", () => {
  it("is dead if no process has its pid", async () => {
    expect(await isDead(record({ pid: NO_PID }), here(), newDirectory())).toBe(true);
  });

  it("is dead if another process has its pid, by the time of its start", async () => {
    expect(await isDead(record({ startedAt: 1 }), here(), newDirectory())).toBe(true);
  });

  it("is not dead if it is the one that runs under its pid", async () => {
    const { directory, socket } = await withDeadSocket();
    expect(await isDead(record({}), here(), directory)).toBe(false);
    // Its socket was closed, by mistake.
    expect(await isDead(record({}, socket), here(), directory)).toBe(false);
  });

  it("is not dead while a process listens at its socket", async () => {
    const { directory, socket } = await listening();
    expect(await isDead(record({ pid: NO_PID }, socket.file), here(), directory)).toBe(false);
  });
});

describe("a process of another namespace", () => {
  it("is dead if its socket refuses, though this namespace has a process of the same pid and start", async () => {
    const { directory, socket } = await withDeadSocket();
    expect(await isDead(record(elsewhere, socket), here(), directory)).toBe(true);
  });

  it("is not dead if its socket is not refused", async () => {
    const { directory, socket } = await listening();
    expect(await isDead(record({ ...elsewhere, pid: NO_PID }, socket.file), here(), directory)).toBe(false);
  });

  it("is not known to be dead without its socket, whatever its pid", async () => {
    const { directory, socket } = await withDeadSocket();
    expect(await isDead(record({ ...elsewhere, pid: NO_PID }), here(), directory)).toBe(false);
    rmSync(join(directory, SOCKET));
    expect(await isDead(record({ ...elsewhere, pid: NO_PID }, socket), here(), directory)).toBe(false);
  });

  it("is not known to be dead by a copy of its socket, or by a file in its place", async () => {
    const { directory, socket } = await listening();
    const copy = newDirectory();
    await deadSocket(copy, SOCKET);
    expect(await isDead(record({ ...elsewhere }, socket.file), here(), copy)).toBe(false);
    renameSync(join(directory, SOCKET), join(directory, "moved"));
    copyFileSync("/proc/self/stat", join(directory, SOCKET));
    expect(await isDead(record({ ...elsewhere }, socket.file), here(), directory)).toBe(false);
    rmSync(join(directory, SOCKET));
    linkSync(join(directory, "moved"), join(directory, SOCKET));
    expect(await isDead(record({ ...elsewhere }, socket.file), here(), directory)).toBe(false);
  });

  it("is told in a directory whose path is longer than that of a socket may be", async () => {
    const directory = join(newDirectory(), "long".repeat(30), "long".repeat(30));
    mkdirSync(directory, { recursive: true });
    const { socket } = await listening(directory);
    expect(await isDead(record(elsewhere, socket.file), here(), directory)).toBe(false);
    socket.close();
    const dead = await withDeadSocket(directory).catch(() => undefined);
    // Node itself cannot listen there.
    expect(dead).toBeUndefined();
  });
});

describe("nothing is known of a process", () => {
  it.each([
    ["of another boot", { bootId: "00000000-0000-0000-0000-000000000000" }],
    ["of another host", { host: "another" }],
  ])("%s, whose socket refuses here", async (_, changes) => {
    const { directory, socket } = await withDeadSocket();
    const dead = { ...deadProcess(), ...changes };
    expect(await isDead(record(dead, socket), here(), directory)).toBe(false);
  });

  it("on a file system that other machines may share", async () => {
    expect(await isLocal(newDirectory())).toBe(true);
    // That of /proc stands for each that is not known as a machine's own.
    expect(await isLocal("/proc")).toBe(false);
  });
});

describe("the socket of a living process", () => {
  it("is known to be closed if another closed it", async () => {
    const { socket } = await listening();
    expect(socket.isOpen).toBe(true);
    socket.close();
    expect(socket.isOpen).toBe(false);
  });
});
