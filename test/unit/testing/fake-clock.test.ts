import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/testing/fake-clock.ts";
import { Stopwatch, sleep } from "../../../src/time/clock.ts";

describe("FakeClock", () => {
  it("stands still until it is advanced", async () => {
    const clock = new FakeClock();
    const before = [clock.now(), clock.uptime()];
    await clock.settle();
    expect([clock.now(), clock.uptime()]).toEqual(before);
  });

  it("runs timers in order of time, and those of one instant in order of creation", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
    clock.setTimer(20, note("late"));
    clock.setTimer(10, note("first"));
    clock.setTimer(10, note("second"));
    clock.setTimer(0, note("now"));
    await clock.advance(20);
    expect(ran).toEqual(["now@0", "first@10", "second@10", "late@20"]);
  });

  it("ends exactly as much later as it was told, and leaves what is not yet due", async () => {
    const clock = new FakeClock();
    const start = clock.now();
    clock.setTimer(101, () => expect.unreachable("not due"));
    await clock.advance(60.5);
    await clock.advance(39.5);
    expect(clock.now() - start).toBe(100);
    expect(clock.pendingTimers()).toBe(1);
  });

  it("runs timers that were set while it advanced", async () => {
    const clock = new FakeClock();
    const ticks: number[] = [];
    const tick = () => {
      ticks.push(clock.now());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);
    expect(ticks).toEqual([10, 20, 30]);
  });

  it("lets promise chains settle before the next timer runs", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    void (async () => {
      await sleep(clock, 10);
      for (let step = 0; step < 50; step++) await undefined;
      ran.push("chain");
    })();
    clock.setTimer(11, () => void ran.push("timer"));
    await clock.advance(11);
    expect(ran).toEqual(["chain", "timer"]);
  });

  it("takes a turn after the timers of one instant, and before those of the next", async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    clock.setTimer(10, () => {
      ran.push("timer");
      clock.nextTurn(() => ran.push("turn"));
    });
    clock.setTimer(10, () => void ran.push("timer of the same instant"));
    clock.setTimer(11, () => void ran.push("later timer"));
    await clock.advance(11);
    expect(ran).toEqual(["timer", "timer of the same instant", "turn", "later timer"]);
  });

  it("takes turns that turns ask for, without time passing", async () => {
    const clock = new FakeClock();
    let turns = 0;
    const turn = () => {
      turns += 1;
      if (turns < 3) clock.nextTurn(turn);
    };
    clock.nextTurn(turn);
    expect(turns).toBe(0);
    await clock.settle();
    expect(turns).toBe(3);
  });

  it("does not run a timer that was called off, even by another timer of the same instant", async () => {
    const clock = new FakeClock();
    const second = { cancel: () => {} };
    clock.setTimer(10, () => second.cancel());
    second.cancel = clock.setTimer(10, () => expect.unreachable("was called off")).cancel;
    await clock.advance(10);
    second.cancel();
    expect(clock.pendingTimers()).toBe(0);
  });

  it("counts what is pending, apart by what keeps the process alive", () => {
    const clock = new FakeClock();
    clock.setTimer(1, () => {});
    clock.setTimer(1, () => {}, { keepAlive: true });
    clock.setTimer(Infinity, () => {}, { keepAlive: true });
    expect(clock.pendingTimers()).toBe(3);
    expect(clock.pendingTimers({ keepAlive: true })).toBe(2);
    expect(clock.pendingTimers({ keepAlive: false })).toBe(1);
  });

  it("sleeps with the machine: uptime goes on, timers do not", async () => {
    const clock = new FakeClock();
    const watch = new Stopwatch(clock);
    let ran = false;
    clock.setTimer(10, () => {
      ran = true;
    });
    clock.suspend(60_000);
    await clock.settle();
    expect(ran).toBe(false);
    expect(watch.elapsedMs).toBe(60_000);
    expect(watch.suspended).toBe(true);
    await clock.advance(10);
    expect(ran).toBe(true);
  });

  it("runs what fell due during a stall afterwards, late, and before any turn", async () => {
    const clock = new FakeClock();
    const watch = new Stopwatch(clock);
    const ran: string[] = [];
    clock.setTimer(10, () => {
      ran.push(`deadline@${clock.now()}`);
      clock.nextTurn(() => ran.push("turn"));
    });
    clock.setTimer(20, () => void ran.push(`answer@${clock.now()}`));
    clock.block(1_000);
    expect(ran).toEqual([]);
    await clock.settle();
    expect(ran).toEqual(["deadline@1000", "answer@1000", "turn"]);
    expect(watch.suspended).toBe(false);
  });

  it("rejects with what a callback throws", async () => {
    const clock = new FakeClock();
    clock.setTimer(1, () => {
      throw new Error("from the timer");
    });
    await expect(clock.advance(1)).rejects.toThrow("from the timer");
    await clock.advance(1);
  });

  it("refuses to advance twice at a time, or by what is no time", async () => {
    const clock = new FakeClock();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow("already advancing");
    await first;
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    await expect(clock.advance(Infinity)).rejects.toThrow(RangeError);
    await expect(clock.advance(Number.NaN)).rejects.toThrow(RangeError);
  });
});

it("never fires a timer a hair too early, whatever fractions add up", async () => {
  const clock = new FakeClock();
  for (let n = 0; n < 1_000; n += 1) {
    const ms = 1 / 3 + n / 7;
    const start = clock.now();
    let elapsed = 0;
    clock.setTimer(ms, () => {
      elapsed = clock.now() - start;
    });
    await clock.advance(ms);
    if (elapsed < ms) throw new Error(`a timer of ${ms} ms fired after ${elapsed}`);
  }
});
