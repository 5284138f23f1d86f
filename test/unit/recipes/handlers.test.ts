import { describe, expect, it } from "vitest";
import type { Lock } from "../../../src/locks/lock.ts";
import { exclusive, limited } from "../../../src/recipes/handlers.ts";
import { sleep } from "../../../src/time/clock.ts";
import { World } from "../../support/world.ts";

interface Order {
  readonly id: string;
}

function setup() {
  const world = new World();
  const atWork: string[] = [];
  let most = 0;
  const work = async (lock: Pick<Lock, "signal" | "isHeld">, order: Order): Promise<string> => {
    expect(lock.isHeld).toBe(true);
    atWork.push(order.id);
    most = Math.max(most, atWork.length);
    await sleep(world.clock, 1_000, { signal: lock.signal });
    atWork.splice(atWork.indexOf(order.id), 1);
    return `imported ${order.id}`;
  };
  return { world, work, here: world.process().mutex, there: world.process().mutex, most: () => most };
}

describe("an exclusive handler", () => {
  it("runs alone, and waits for its turn", async () => {
    const { world, work, here, there, most } = setup();
    const calls = [here, there].map((mutex) => exclusive(work, { mutex, key: "orders" })({ id: "1" }));
    expect(await world.until(Promise.all(calls))).toEqual(["imported 1", "imported 1"]);
    expect(most()).toBe(1);
  });

  it("runs beside a call whose arguments make another key", async () => {
    const { world, work, here, there, most } = setup();
    const options = { key: ({ id }: Order) => `order/${id}` };
    const calls = [
      exclusive(work, { ...options, mutex: here })({ id: "1" }),
      exclusive(work, { ...options, mutex: there })({ id: "2" }),
    ];
    await world.until(Promise.all(calls));
    expect(most()).toBe(2);
  });

  it("skips, throws or answers while another is in the way, and waits no longer than it may", async () => {
    const { world, work, here, there } = setup();
    const first = exclusive(work, { mutex: here, key: "orders" })({ id: "1" });
    await world.clock.advance(100);
    const of = { mutex: there, key: "orders" };
    expect(await world.until(exclusive(work, { ...of, busy: "skip" })({ id: "2" }))).toBeUndefined();
    const busy = ({ id }: Order) => ({ status: 409, id });
    expect(await world.until(exclusive(work, { ...of, busy })({ id: "2" }))).toEqual({ status: 409, id: "2" });
    await expect(world.until(exclusive(work, { ...of, busy: "throw" })({ id: "2" }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      key: "orders",
    });
    await expect(world.until(exclusive(work, { ...of, waitMs: 300 })({ id: "2" }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
    });
    expect(await world.until(first)).toBe("imported 1");
  });

  it("takes neither a failure of its own nor a silent service for another call", async () => {
    const { world, there } = setup();
    const failing = exclusive(
      () => {
        throw Object.assign(new Error("disk full"), { code: "LOCK_TIMEOUT" });
      },
      { mutex: there, key: "orders", busy: "skip" },
    );
    await expect(world.until(failing())).rejects.toThrow("disk full");
    const { store, mutex } = world.process();
    store.hang("all");
    const unanswered = exclusive(() => 0, { mutex, key: "orders", busy: "skip" });
    await expect(world.until(unanswered())).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("has the arguments that the handler declares, however few key and busy take", async () => {
    const { world, here: mutex } = setup();
    // The compiler asserts here: each call below has the handler's arguments.
    const handler = (_lock: Lock, { id }: Order, copies: number) => `${copies} of ${id}`;
    const answer = { mutex, key: (order: Order) => order.id, busy: () => 429 };
    const calls: ((order: Order, copies: number) => Promise<string | number>)[] = [
      exclusive(handler, answer),
      exclusive(handler, { mutex, key: () => "orders", busy: ({ id }) => id.length }),
      exclusive((_lock, { id }: Order, copies: number) => `${copies} of ${id}`, { mutex, key: "a", busy: () => 429 }),
      limited((_permit, { id }: Order, copies: number) => `${copies} of ${id}`, { ...answer, key: "b", permits: 1 }),
    ];
    // @ts-expect-error busy takes what the handler does not
    exclusive(handler, { mutex, key: "orders", busy: (id: number) => id });
    expect(await world.until(Promise.all(calls.map((call) => call({ id: "7" }, 2))))).toEqual(Array(4).fill("2 of 7"));
  });

  it("refuses wrong options at once", () => {
    const { here: mutex } = setup();
    expect(() => exclusive(() => 0, { mutex, key: "" })).toThrow("is empty");
    expect(() => exclusive(() => 0, { mutex, key: "a", busy: "queue" as never })).toThrow("busy must be");
    expect(() => exclusive("work" as never, { mutex, key: "a" })).toThrow("handler must be a function");
    expect(() => limited(() => 0, { mutex, key: () => "a", permits: 0 })).toThrow("permits must be");
  });
});

describe("a limited handler", () => {
  it("runs so many times at once, and answers the call beyond", async () => {
    const { world, work, here, there, most } = setup();
    const of = { key: "partner", permits: 2, busy: () => ({ status: 429 }) };
    const calls = [here, there, here].map((mutex, at) => limited(work, { ...of, mutex })({ id: `${at}` }));
    const answers = await world.until(Promise.all(calls));
    expect(answers).toContainEqual({ status: 429 });
    expect(most()).toBe(2);
  });
});
