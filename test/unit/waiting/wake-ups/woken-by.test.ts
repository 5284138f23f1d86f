import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../../src/locks/holding.ts";
import type { Lockable } from "../../../../src/locks/lockable.ts";
import { lockAll } from "../../../../src/recipes/lock-all.ts";
import { ReaderWriterLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../../src/recipes/semaphore/semaphore.ts";
import type { LockEvents } from "../../../../src/telemetry/lock-events.ts";
import type { WakeUps } from "../../../../src/waiting/wake-ups/wake-ups.ts";
import { WokenWorld } from "../../../support/woken.ts";

type Acquired = LockEvents["acquired"];
type Source = (mutex: AzureMutex) => Lockable<Holding>;

const plain: Source = (mutex) => mutex.locker("job");
const fair: Source = (mutex) => mutex.locker("job", { fair: true });

/**
 * Its users share a clock, as the processes of one machine do, and messages keep their order. What is sent may be
 * changed on the way.
 */
function onOneMachine(world: WokenWorld, change = (message: string): string => message): WakeUps {
  const { channel } = world;
  world.wakeUps.delayMs = 3;
  return {
    ...channel,
    publish: (topic, message) => channel.publish(topic, change(message)),
    sharedNow: () => world.clock.now(),
  };
}

interface WaitOptions {
  readonly source?: Source;
  /** Of what the holder has. Default: of the same. */
  readonly other?: Source;
  readonly onRelease?: () => void;
}

/** What a waiter tells that waits for 20 s, and when it had the lock, and between which times the release was sent. */
async function waitFor(
  world: WokenWorld,
  wakeUps: WakeUps | undefined,
  { source = plain, other = source, onRelease = () => undefined }: WaitOptions = {},
): Promise<{ event: Acquired; gotAt: number; release: { from: number; to: number } }> {
  const told: Acquired[] = [];
  const held = await world.until(other(world.member({ wakeUps }).mutex).lock());
  const wanted = source(world.member({ wakeUps }).mutex);
  wanted.on("acquired", (event) => told.push(event));
  let gotAt = Number.NaN;
  const waiting = wanted.lock().then((lock) => {
    gotAt = world.clock.now();
    return lock;
  });
  await world.pass(20_123);
  onRelease();
  const from = world.clock.now();
  let to = Number.NaN;
  void held.release().then(() => {
    to = world.clock.now();
  });
  const lock = await world.until(waiting, 60_000, 1);
  await world.until(lock.release());
  const [event] = told;
  if (!event || told.length > 1) throw new Error(`told ${told.length} times`);
  return { event, gotAt, release: { from, to } };
}

describe("a lock that was waited for tells", () => {
  it.each<[string, Source, Source?]>([
    ["a lock", plain],
    ["a fair lock", fair],
    ["a permit", (mutex) => new Semaphore(mutex, "pool", { permits: 1 })],
    [
      "a read lock",
      (mutex) => new ReaderWriterLock(mutex, "index").read,
      (mutex) => new ReaderWriterLock(mutex, "index").write,
    ],
    [
      "a write lock",
      (mutex) => new ReaderWriterLock(mutex, "index").write,
      (mutex) => new ReaderWriterLock(mutex, "index").read,
    ],
    ["several locks", (mutex) => lockAll(mutex, ["one", "two"]), (mutex) => mutex.locker("two")],
  ])("that a message brought it, and how long ago it was released: %s", async (_, source, other = source) => {
    const world = new WokenWorld();
    const { event, gotAt, release } = await waitFor(world, onOneMachine(world), { source, other });
    expect(event.wokenBy).toBe("message");
    const releasedAt = gotAt - (event.gapMs ?? Number.NaN);
    // The clock of the test moves in steps of a millisecond.
    expect(releasedAt).toBeGreaterThanOrEqual(release.from - 1);
    expect(releasedAt).toBeLessThanOrEqual(release.to + 1);
  });

  it.each<[string, Source]>([
    ["a lock", plain],
    ["a fair lock", fair],
  ])("no time where the users of the channel share no clock: %s", async (_, source) => {
    const world = new WokenWorld();
    const { event } = await waitFor(world, world.channel, { source });
    expect(event).toMatchObject({ wokenBy: "message", gapMs: undefined });
    expect(world.said.filter((line) => line.includes("@"))).toEqual([]);
  });

  it.each<[string, Source]>([
    ["a lock", plain],
    ["a fair lock", fair],
  ])("that a poll found it, where the messages are lost or there is no channel: %s", async (_, source) => {
    const lossy = new WokenWorld();
    const onRelease = (): void => {
      lossy.wakeUps.lost = 1;
    };
    const without = new WokenWorld();
    for (const { event } of [
      await waitFor(lossy, onOneMachine(lossy), { source, onRelease }),
      await waitFor(without, undefined, { source }),
    ])
      expect(event).toMatchObject({ wokenBy: "poll", gapMs: undefined });
  });

  it("neither, where no other process was waited for", async () => {
    const world = new WokenWorld();
    const told: Acquired[] = [];
    const locker = world.member({ wakeUps: onOneMachine(world) }).mutex.locker("job");
    locker.on("acquired", (event) => told.push(event));
    const first = await world.until(locker.lock());
    const second = locker.lock();
    await world.until(first.release());
    await world.until((await world.until(second)).release());
    const neither = { wokenBy: undefined, gapMs: undefined };
    expect(told).toEqual([expect.objectContaining(neither), expect.objectContaining(neither)]);
    expect(told.map(({ attempts }) => attempts)).toEqual([1, 0]);
  });

  it("no time of a holder before the last one, which said none", async () => {
    const world = new WokenWorld();
    const told: Acquired[] = [];
    const first = await world.until(
      world
        .member({ wakeUps: onOneMachine(world) })
        .mutex.locker("job")
        .lock(),
    );
    const between = world.member().mutex.locker("job");
    const last = world.member({ wakeUps: onOneMachine(world) }).mutex.locker("job");
    last.on("acquired", (event) => told.push(event));
    const second = between.lock();
    await world.pass(1_000);
    const third = last.lock();
    await world.pass(1_000);
    await world.until(first.release());
    const held = await world.until(second, 5_000, 1);
    // Within the rest in which the first release was told.
    await world.pass(50);
    await world.until(held.release());
    await world.until((await world.until(third, 10_000, 1)).release());
    expect(told).toEqual([expect.objectContaining({ wokenBy: "message", gapMs: undefined })]);
  });
});

describe("the time of a release", () => {
  it.each<[string, (now: number) => string]>([
    ["future", (now) => `${Math.round((now + 60_000) * 1_000)}`],
    ["of hours ago", (now) => `${Math.max(0, Math.round((now - 7_200_000) * 1_000))}`],
    ["of before the last poll", (now) => `${Math.round((now - 15_000) * 1_000)}`],
    ["beyond what a number holds", () => "9".repeat(16)],
  ])("does not count when it is %s", async (_, time) => {
    const world = new WokenWorld();
    const forged = (message: string): string => message.replace(/@.*/, `@${time(world.clock.now())}`);
    const { event } = await waitFor(world, onOneMachine(world, forged));
    expect(event).toMatchObject({ wokenBy: "message", gapMs: undefined });
  });

  it.each<[string, () => number]>([
    [
      "throws",
      (): never => {
        throw new Error("no clock");
      },
    ],
    ["is no number", () => Number.NaN],
    ["is endless", () => Number.POSITIVE_INFINITY],
    ["runs below 0", () => -1],
  ])("is not told by a clock that %s", async (_, sharedNow) => {
    const world = new WokenWorld();
    const { event } = await waitFor(world, { ...world.channel, sharedNow });
    expect(event).toMatchObject({ wokenBy: "message", gapMs: undefined });
    expect(world.said.filter((line) => line.includes("@"))).toEqual([]);
  });

  it("is the same, however often a hand-over is said", async () => {
    const world = new WokenWorld();
    const onRelease = (): void => {
      world.said.length = 0;
      world.wakeUps.lost = 1;
    };
    await waitFor(world, onOneMachine(world), { source: fair, onRelease });
    const times = world.said.flatMap((line) => / @(\d+)$/.exec(line)?.[1] ?? []);
    expect(times.length).toBeGreaterThan(2);
    expect(new Set(times.slice(0, 3)).size).toBe(1);
  });
});
