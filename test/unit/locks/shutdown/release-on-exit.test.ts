import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import {
  ExitRelease,
  type ReleaseOnExitOptions,
  releaseOnExit,
} from "../../../../src/locks/shutdown/release-on-exit.ts";
import { spacesIn } from "../../../../src/locks/shutdown/release-on-signals.ts";
import { Shutdown } from "../../../../src/locks/shutdown/shutdown.ts";
import { releasableSetup, released, takeEverything } from "./fake-process.ts";

const LEFT = "the process ends while it holds locks; what is held lapses by itself";
const GOES_ON = "the process ends while work goes on under its locks, so it does not release them";

function setup(options: ReleaseOnExitOptions = {}) {
  const world = releasableSetup();
  const onExit = (mutexes: AzureMutex | readonly AzureMutex[], others: ReleaseOnExitOptions = {}): ExitRelease =>
    new ExitRelease(spacesIn(mutexes), others, world.host);
  return { ...world, onExit, release: onExit(world.mutex, options) };
}

describe("a process that ends while it holds locks", () => {
  it("has all of them released by another one, of whatever kind, and ends with the code that it had", async () => {
    const { world, mutex, host } = setup();
    const before = await takeEverything(world, mutex);
    expect(before.length).toBeGreaterThan(9);
    host.exit(3);
    expect(host.ends).toEqual(["exit 3"]);
    expect(host.children).toHaveLength(1);
    expect(released(host)).toEqual(before);
    expect(world.log).toEqual([]);
  });

  it("starts no other process where nothing is held", async () => {
    const { world, mutex, host } = setup();
    await world.until(mutex.locker("job").run(() => undefined));
    host.exit(0);
    expect(host.children).toEqual([]);
    expect(world.log).toEqual([]);
  });

  it("releases nothing once that is called off, and listens to nothing any more", async () => {
    const { world, mutex, host, release } = setup();
    await world.until(mutex.locker("job").lock());
    expect(host.listenersTo("exit")).toBe(1);
    release[Symbol.dispose]();
    release[Symbol.dispose]();
    expect(host.listens).toBe(0);
    host.exit(0);
    expect(host.children).toEqual([]);
  });

  it("releases what several mutexes hold by one other process, each lease once", async () => {
    const { world, mutex, newMutex, host, onExit } = setup();
    const another = newMutex();
    onExit([another, mutex]);
    await world.until(Promise.all([mutex.locker("a").lock(), another.locker("b").lock()]));
    host.exit(0);
    expect(host.children).toHaveLength(1);
    expect(released(host)).toEqual(["a", "b"]);
  });

  it("releases once where a signal has asked it to end before", async () => {
    const { world, mutex, host } = setup();
    new Shutdown(spacesIn(mutex), {}, host);
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    host.exit(1);
    expect(host.children).toHaveLength(1);
    expect(released(host)).toEqual(["job"]);
  });

  it("releases what work still holds that did not end by its grace, and no signal could end the process", async () => {
    const { world, mutex, host } = setup();
    new Shutdown(spacesIn(mutex), { graceMs: 1_000 }, host);
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    await world.clock.advance(1_500);
    expect(host.ends).toContain("exit 143");
    expect(released(host)).toEqual(["job"]);
  });

  it.each([
    ["says so", () => true],
    [
      "cannot tell",
      () => {
        throw new Error("not known");
      },
    ],
  ])("releases nothing while work goes on outside of it, if the program %s", async (_, isWorking) => {
    const { world, mutex, newMutex, host, onExit } = setup({ isWorking });
    const another = newMutex();
    // Neither by what knows nothing of that work.
    onExit([mutex, another]);
    await world.until(Promise.all([mutex.locker("job").lock(), another.locker("other").lock()]));
    host.exit(0);
    expect(released(host)).toEqual(["other"]);
    expect([...new Set(world.log)]).toEqual([GOES_ON]);
  });

  it("asks only at the end whether work goes on", async () => {
    let goesOn = true;
    const { world, mutex, host } = setup({ isWorking: () => goesOn });
    await world.until(mutex.locker("job").lock());
    goesOn = false;
    host.exit(0);
    expect(released(host)).toEqual(["job"]);
  });

  it.each([1, null])("says that the rest lapses where the other one ends with %s", async (code) => {
    const { world, mutex, newMutex, host, onExit } = setup();
    onExit(newMutex());
    host.childExits = code;
    await world.until(mutex.locker("job").lock());
    host.exit(0);
    // Not of the mutex that held nothing.
    expect(world.log).toEqual([LEFT]);
  });
});

describe("the program that another process runs for it", () => {
  it("is given what is held at that moment, on its standard input alone", async () => {
    const { world, mutex, release } = setup();
    expect(release.command()?.input).toBe("[]");
    const lock = await world.until(mutex.locker("job").lock());
    const { file, args = [], env = {}, input = "" } = release.command() ?? {};
    expect(JSON.parse(input)).toEqual([{ url: "job", headers: { leaseId: lock.leaseId } }]);
    expect(file).toBe(process.execPath);
    expect(JSON.stringify([args, env])).not.toContain(lock.leaseId);
    await world.until(lock.release());
    expect(release.command()?.input).toBe("[]");
  });
});

describe("releaseOnExit", () => {
  it.each([
    [{}, {}, /^mutexes must be an AzureMutex/],
    [[], {}, /^mutexes must be at least one mutex/],
    [releasableSetup().mutex, { isWorking: true }, /^isWorking must be a function, not true/],
  ])("refuses what does not fit", (mutexes, options, message) => {
    const before = process.listenerCount("exit");
    expect(() => releaseOnExit(mutexes as AzureMutex, options as ReleaseOnExitOptions)).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringMatching(message) }),
    );
    expect(process.listenerCount("exit")).toBe(before);
  });

  it("listens to the end of this process alone, and keeps nothing alive", () => {
    const before = process.listenerCount("exit");
    const release = releaseOnExit(releasableSetup().mutex);
    expect(process.listenerCount("exit")).toBe(before + 1);
    release[Symbol.dispose]();
    expect(process.listenerCount("exit")).toBe(before);
  });
});
