import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../../src/errors.ts";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../../../src/locks/lock-space.ts";
import { FakeClock, FaultyLeaseStore, MemoryLeaseStore } from "../../../../src/testing/index.ts";
import { closedWithTest, here, leave, newDirectory } from "../../../support/state-place.ts";
import { storeWith } from "../../../support/store-with.ts";

const LEASE = "0a1b2c3d-0000-4000-8000-000000000001";
const OTHER = "0a1b2c3d-0000-4000-8000-000000000002";
const NO_CHANGES = {};

/** A container in which the lease of "job" is a dead process's, and the directory with the state of that process. */
async function crashed({ changes = NO_CHANGES, leases = [{ name: "job", leaseId: LEASE }] } = {}) {
  const store = new MemoryLeaseStore({ containerExists: true });
  await store.create("job", {});
  await store.acquire("job", LEASE, "infinite");
  const directory = newDirectory();
  const file = join(directory, leave(directory, { leases }, changes));
  const log: string[] = [];
  const successor = (options: MutexOptions = { store }): AzureMutex => {
    const mutex = new AzureMutex({ ...options, stateDirectory: directory, log: (line) => log.push(line) });
    return options.clock ? mutex : closedWithTest(mutex);
  };
  return { store, directory, file, log, successor };
}

describe("a process that begins", () => {
  it("releases what a dead process had before it asks for a lock, and deletes its file", async () => {
    const { successor, file, log } = await crashed();
    expect(await successor().locker("job", { fencing: false }).tryLock()).toMatchObject({ isHeld: true });
    expect(existsSync(file)).toBe(false);
    expect(log).toEqual([`process ${here().pid} is dead: 1 of its 1 leases are released`]);
  });

  it("releases it before any other first request", async () => {
    const { successor } = await crashed();
    expect(await successor().inspect("job")).toMatchObject({ isHeld: false });
  });

  it("sends nothing before that", async () => {
    const { store, successor } = await crashed();
    const faulty = new FaultyLeaseStore(store);
    successor({ store: faulty });
    expect(faulty.calls).toEqual([]);
  });

  it("hurts no successor of the dead process", async () => {
    const { store, successor, file } = await crashed({ leases: [{ name: "job", leaseId: OTHER }] });
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
    expect((await store.renew("job", LEASE)).kind).toBe("renewed");
    // The service has answered: there is no such lease any more.
    expect(existsSync(file)).toBe(false);
  });

  it("does no harm beside another that does the same", async () => {
    const { successor, directory } = await crashed();
    const locks = await Promise.all(
      [successor(), successor()].map((mutex) => mutex.locker("job", { fencing: false }).tryLock()),
    );
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
    expect(readdirSync(directory).filter((name) => name.includes("-4123-"))).toEqual([]);
  });

  it("releases hundreds", async () => {
    const leases = Array.from({ length: 300 }, (_, n) => ({
      name: `job ${n}`,
      leaseId: LEASE.replace("0001", String(n).padStart(4, "0")),
    }));
    const { successor, log } = await crashed({ leases });
    await successor().locker("free", { fencing: false }).tryLock();
    expect(log).toEqual([`process ${here().pid} is dead: 300 of its 300 leases are released`]);
  });

  it("keeps the file until each release was answered, and releases again while it waits", async () => {
    const clock = new FakeClock();
    const { store, successor, file } = await crashed();
    let failures = 1;
    const release: MemoryLeaseStore["release"] = async (...call) => {
      failures -= 1;
      if (failures >= 0) throw new StoreUnavailableError("503", "job");
      return await store.release(...call);
    };
    const mutex = successor({ store: storeWith(store, { release }), clock });
    const tryLock = () => mutex.locker("job", { fencing: false }).tryLock();
    expect(await tryLock()).toBeUndefined();
    expect(existsSync(file)).toBe(true);
    await clock.advance(1_000);
    expect(await tryLock()).toBeUndefined();
    await expect.poll(() => existsSync(file)).toBe(false);
    expect(await tryLock()).toMatchObject({ isHeld: true });
  });
});

describe("a state file", () => {
  it("whose last line was cut off counts without it", async () => {
    const { successor, file, log } = await crashed();
    appendFileSync(file, '["0a1b2c3d-');
    expect(await successor().locker("job", { fencing: false }).tryLock()).toMatchObject({ isHeld: true });
    expect(log).toEqual([`process ${here().pid} is dead: 1 of its 1 leases are released`]);
  });

  it("counts without what it takes back", async () => {
    const { successor, file, log } = await crashed();
    appendFileSync(file, `["${OTHER}","other"]\n["${LEASE}"]\n`);
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
    expect(log).toEqual([`process ${here().pid} is dead: 1 of its 1 leases are released`]);
  });
});

describe("a state file is left as it is", () => {
  it.each([
    ["a process that runs", () => ({ process: here() })],
    ["a later version", () => ({ version: 2 })],
    ["no process", () => ({ process: undefined })],
    ["a process of another form", () => ({ process: { pid: "1" } })],
    ["a socket elsewhere", () => ({ socket: { name: "../x", inode: "1" } })],
    ["another container", () => ({ address: "acme/locks" })],
  ])("that names %s", async (_, changes) => {
    const { successor, file } = await crashed({ changes: changes() });
    const before = readFileSync(file, "utf8");
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it.each(["", "{", "null\n", '"text"\n', "[]\n"])("that reads %j", async (text) => {
    const { successor, file } = await crashed();
    writeFileSync(file, text);
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
    expect(existsSync(file)).toBe(true);
  });

  it.each(['["a"', '[7,"job"]', '["a","job","b"]', '["a",7]', "{}"])("with the line %s", async (line) => {
    const { successor, file } = await crashed();
    appendFileSync(file, `${line}\n`);
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
    expect(existsSync(file)).toBe(true);
  });

  it("that is a link, or has another name", async () => {
    const { successor, directory, file } = await crashed();
    const text = readFileSync(file);
    writeFileSync(file, "{}");
    writeFileSync(join(directory, "a.state"), text);
    symlinkSync(join(directory, "a.state"), join(directory, "azmutex-4123-00000001.state"));
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
  });

  it("while a job of the dead process may run, as the command notes", async () => {
    const { successor, directory, file } = await crashed();
    const note = join(directory, "azmutex-4123-00000001.job");
    writeFileSync(note, "");
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
    expect(existsSync(file) && existsSync(note)).toBe(true);
  });

  it.skipIf(process.geteuid?.() === 0)("that this process may not read", async () => {
    const { successor, file } = await crashed();
    chmodSync(file, 0);
    expect(await successor().locker("job", { fencing: false }).tryLock()).toBeUndefined();
  });
});

describe("what no process can use any more", () => {
  it("is deleted after a day, and what is not azmutex's stays", async () => {
    const { successor, directory, file } = await crashed({ changes: { version: 2 } });
    const note = join(directory, "azmutex-4123-00000001.job");
    const foreign = join(directory, "notes.txt");
    const half = `${file}.new`;
    for (const path of [note, foreign, half]) writeFileSync(path, "");
    for (const path of [note, foreign, file]) utimesSync(path, new Date(0), new Date(0));
    await successor().locker("free", { fencing: false }).tryLock();
    expect([note, foreign, half, file].map((path) => existsSync(path))).toEqual([true, true, true, false]);
  });
});

describe("the directory", () => {
  it("that goes missing costs no lock", async () => {
    const log: string[] = [];
    const stateDirectory = newDirectory();
    const open = () =>
      closedWithTest(new AzureMutex({ store: new MemoryLeaseStore(), stateDirectory, log: (line) => log.push(line) }));
    const mutex = open();
    const tryLock = (key: string) => mutex.locker(key, { fencing: false }).tryLock();
    await tryLock("before");
    await (await tryLock("between"))?.release();
    rmSync(stateDirectory, { recursive: true });
    expect(await tryLock("after")).toMatchObject({ isHeld: true });
    const late = open();
    rmSync(stateDirectory, { recursive: true });
    expect(await late.locker("late", { fencing: false }).tryLock()).toMatchObject({ isHeld: true });
    expect(log).toEqual([expect.stringMatching(/^nothing is kept in .*: Error: ENOENT/)]);
  });
});
