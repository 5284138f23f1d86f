import { describe, expect, it } from "vitest";
import type { WaitingTicket } from "../../../src/blobs/queue-ticket.ts";
import { Pace } from "../../../src/waiting/pace.ts";
import { PossibleHandOver } from "../../../src/waiting/possible-hand-over.ts";

const ticket = (name: string, madeAt: number): WaitingTicket => ({
  key: "job",
  name,
  arrivedAt: 0,
  madeAt,
  leaseId: name,
  holder: { name, host: "host", pid: 1 },
});

/** The moments within a minute at which a waiter asks that may have been handed the lock. */
function asksOf(possible: PossibleHandOver, from: number): number[] {
  const asks: number[] = [];
  for (let now = from; now < from + 60_000; now += 10) if (possible.isDue(now)) asks.push(now - from);
  return asks;
}

describe("a waiter that finds others before it", () => {
  it("asks for the lock itself, now and again for ten seconds, if they may have come after it", () => {
    for (const madeAt of [10_000, 14_000]) {
      const possible = new PossibleHandOver();
      possible.sawBefore([ticket("late", madeAt)], 10_000, 500);
      expect(asksOf(possible, 500)).toEqual([200, 3_000, 10_000]);
    }
  });

  it("asks once, later, if only a slow request can have made them come after it", () => {
    const possible = new PossibleHandOver();
    possible.sawBefore([ticket("perhaps", 9_000)], 10_000, 500);
    expect(asksOf(possible, 500)).toEqual([3_000]);
  });

  it("leaves that to the first of them if all were there before", () => {
    const possible = new PossibleHandOver();
    possible.sawBefore([ticket("early", 8_000), ticket("earlier", 2_000)], 10_000, 500);
    expect(asksOf(possible, 500)).toEqual([]);
    expect(possible.dueInMs(500)).toBe(Number.POSITIVE_INFINITY);
  });

  it("asks once, too, if one that was made before turns up later: its lease was long on its way", () => {
    const possible = new PossibleHandOver();
    possible.sawBefore([ticket("early", 2_000)], 10_000, 500);
    possible.sawBefore([ticket("early", 2_000), ticket("slow", 3_000)], 10_000, 1_500);
    expect(asksOf(possible, 1_500)).toEqual([3_000]);
  });

  it("takes one that was made anew for another", () => {
    const possible = new PossibleHandOver();
    possible.sawBefore([ticket("early", 2_000)], 10_000, 500);
    possible.sawBefore([ticket("early", 62_000)], 10_000, 60_500);
    expect(asksOf(possible, 60_500)).toEqual([200, 3_000, 10_000]);
  });

  it("need not ask if another held the lock after that, but does if it suspects something else", () => {
    const possible = new PossibleHandOver();
    possible.sawBefore([ticket("late", 14_000)], 10_000, 500);
    possible.heldSince();
    expect(asksOf(possible, 500)).toEqual([]);
    possible.suspect(60_500);
    possible.heldSince();
    expect(asksOf(possible, 60_500)).toEqual([200, 3_000, 10_000]);
    possible.sawBefore([ticket("later", 90_000)], 10_000, 121_000);
    possible.heldSince();
    expect(asksOf(possible, 121_000)).toEqual([]);
  });

  it("asks as often when it does not know what happened", () => {
    const possible = new PossibleHandOver();
    possible.suspect(500);
    expect(asksOf(possible, 500)).toEqual([200, 3_000, 10_000]);
  });

  it("asks anew for each that turns up later, and not for those it knows", () => {
    const possible = new PossibleHandOver();
    possible.sawBefore([ticket("late", 10_000)], 10_000, 0);
    expect(possible.isDue(200)).toBe(true);
    possible.sawBefore([ticket("late", 10_000)], 10_000, 5_000);
    expect(possible.isDue(5_000)).toBe(true);
    expect(possible.dueInMs(5_000)).toBe(5_000);
    possible.sawBefore([ticket("late", 10_000), ticket("later", 15_000)], 10_000, 9_500);
    expect(asksOf(possible, 9_500)).toEqual([200, 500, 3_000, 10_000]);
  });
});

describe("the pace of a waiter in a queue that stands still", () => {
  const pace = (position: number): Pace => {
    const made = new Pace(0);
    made.saw(position, 0);
    return made;
  };
  const sleep = (of: Pace, position: number, now: number): number => of.sleepMs(position, now, () => 0.5);

  it("is quick for a minute, then slower, and finds within half a second that the holder is dead", () => {
    const first = pace(0);
    expect(sleep(first, 0, 59_999)).toBeLessThan(100);
    expect(sleep(first, 0, 60_000)).toBe(450);
    expect(sleep(first, 0, 86_400_000)).toBe(450);
  });

  it("is a look every two seconds for those behind, and quick again when it moves", () => {
    const second = pace(1);
    expect(sleep(second, 1, 59_999)).toBeLessThan(200);
    expect(sleep(second, 1, 3_600_000)).toBe(2_000);
    second.saw(0, 3_600_000);
    expect(sleep(second, 0, 3_600_100)).toBeLessThanOrEqual(250);
  });
});
