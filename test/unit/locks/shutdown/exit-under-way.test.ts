import { describe, expect, it, vi } from "vitest";
import { spaceOf } from "../../../../src/locks/mutex.ts";
import { spacesIn } from "../../../../src/locks/shutdown/release-on-signals.ts";
import { type ReleaseOnSignalsOptions, Shutdown } from "../../../../src/locks/shutdown/shutdown.ts";
import { ENDED, leased, releasableSetup, released, takeEverything } from "./fake-process.ts";

describe("a process that ends while everything is still being released", () => {
  const CUT_OFF = "SIGTERM: the process ends before everything is released; what is held lapses by itself";

  function held(options: ReleaseOnSignalsOptions = {}) {
    const releasable = releasableSetup();
    return { ...releasable, shutdown: new Shutdown(spacesIn(releasable.mutex), options, releasable.host) };
  }

  it("has all that it holds released by another one, of whatever kind", async () => {
    const { world, mutex, host } = held();
    const before = await takeEverything(world, mutex);
    expect(before.length).toBeGreaterThan(9);
    host.raise("SIGTERM");
    await world.clock.advance(1_000);
    host.exit(3);
    expect(host.ends).toEqual(["exit 3"]);
    expect(host.children).toHaveLength(1);
    expect(released(host)).toEqual(before);
    expect(world.log).toEqual([]);
  });

  it("has its place in a fair line released, and a lock that it may be handed", async () => {
    const { world, mutex, host } = held();
    const lock = await world.until(world.process().mutex.locker("job", { fair: true }).lock());
    void mutex.locker("job", { fair: true }).lock();
    await world.clock.advance(2_000);
    const [ticket = ""] = (await leased(world)).filter((name) => name !== "job");
    host.raise("SIGTERM");
    host.exit(0);
    expect(released(host)).toEqual([ticket, "job"].sort());
    // Under an id of its own, which is not the other's.
    expect(host.children[0]).not.toContain(lock.leaseId);
  });

  it("has a lease released whose acquire, or whose release, is under way", async () => {
    const { world, mutex, host } = held();
    const lock = await world.until(mutex.locker("going").lock());
    const acquiring = vi.spyOn(spaceOf(mutex).store, "acquire").mockReturnValue(new Promise(() => undefined));
    const releasing = vi.spyOn(spaceOf(mutex).store, "release").mockReturnValue(new Promise(() => undefined));
    void mutex.locker("coming").lock();
    void lock.release();
    await world.clock.settle();
    expect([acquiring.mock.calls.length, releasing.mock.calls.length]).toEqual([1, 1]);
    host.raise("SIGTERM");
    host.exit(0);
    expect(released(host)).toEqual(["coming", "going"]);
  });

  it("starts none where nothing is held any more", async () => {
    const { world, mutex, host } = held();
    const { mutex: other } = world.process();
    await world.until(mutex.locker("job").run(() => undefined));
    await world.until(mutex.locker("fair", { fair: true }).run(() => undefined));
    await world.until((async () => (await mutex.acquire("by hand", 15)).release())());
    await world.until(other.locker("taken").lock());
    expect(await world.until(mutex.locker("taken").tryLock())).toBeUndefined();
    await world.until(
      mutex
        .locker("taken")
        .lock({ timeoutMs: 2_000 })
        .catch(() => undefined),
    );
    const lost = await world.until(mutex.locker("broken").lock());
    await world.until(other.break("broken"));
    await world.until(lost.release().catch(() => undefined));
    await mutex.acquire("lapsed", 15);
    await world.clock.advance(120_000);
    expect([...spaceOf(mutex).standing]).toEqual([]);
    host.raise("SIGTERM");
    host.exit(0);
    expect(host.children).toEqual([]);
    expect(world.log.filter((line) => line === CUT_OFF)).toEqual([]);
  });

  it.each([1, null])("says that the rest lapses where the other one ends with %s", async (code) => {
    const { world, mutex, host } = held();
    host.childExits = code;
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    host.exit(0);
    expect(host.children).toHaveLength(1);
    expect(world.log).toEqual([CUT_OFF]);
  });

  it("ends with the code that it had, and says so, where the other one cannot be started", async () => {
    const { world, mutex, host } = held();
    host.runNode = () => {
      throw new Error("not permitted");
    };
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    host.exit(3);
    expect(host.ends).toEqual(["exit 3"]);
    expect(world.log).toEqual([CUT_OFF]);
  });

  it("does so after all its other listeners, those included that come later", async () => {
    const { world, mutex, host } = held();
    const heard: string[] = [];
    const note = (name: string) => () => heard.push(`${name} ${host.children.length}`);
    new Shutdown(spacesIn(mutex), {}, host);
    await world.until(mutex.locker("job").lock());
    host.on("exit", note("before"));
    host.raise("SIGTERM");
    host.on("exit", note("after"));
    host.on("exit", note("last"));
    await world.clock.advance(10);
    host.exit(0);
    expect(heard).toEqual(["before 0", "after 0", "last 0"]);
    // One for both shutdowns.
    expect(host.children).toHaveLength(1);
  });

  it("releases nothing where a listener to its end was added that very moment, which may still work", async () => {
    const { world, mutex, host } = held();
    await world.until(mutex.locker("job").lock());
    host.raise("SIGTERM");
    host.on("exit", () => undefined);
    host.exit(0);
    expect(host.children).toEqual([]);
  });

  it("listens to its end from the first signal on, until everything is released", async () => {
    const { world, mutex, host } = held();
    const lock = await world.until(mutex.locker("job").lock());
    expect(host.listenersTo("exit")).toBe(0);
    host.raise("SIGTERM");
    expect(host.listenersTo("exit")).toBe(1);
    await world.until(lock.release());
    await world.clock.advance(100);
    expect(host.ends).toEqual(ENDED);
    expect(host.children).toEqual([]);
    expect(host.listens).toBe(0);
  });
});
