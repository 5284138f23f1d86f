import { describe, expect, it } from "vitest";
import { LockLostError } from "../../../src/errors.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { type Holdable, type HoldingSubject, KEY, LEASE_MS, Outcome, Scene, SOON_MS } from "./scene.ts";

const MAX_HOLD_MS = 60_000;
const OVERDUE_MS = 40_000;

export function describeBounds(subject: HoldingSubject): void {
  const bounded = (options: LockerOptions): Scene & { readonly bounded: Holdable } => {
    const scene = new Scene(subject);
    return Object.assign(scene, { bounded: subject.open(scene.here.mutex, KEY, options) });
  };
  const holding = async () => {
    const scene = bounded({ maxHoldMs: MAX_HOLD_MS });
    const held = await scene.world.until(scene.bounded.take(), SOON_MS);
    return { scene, held, clock: scene.clock };
  };

  describe("what may be held for so long", () => {
    it("is lost then, and keeps no process alive for it", async () => {
      const { scene, held, clock } = await holding();
      const { signal } = held;
      await clock.advance(SOON_MS);
      expect(clock.pendingTimers({ keepAlive: true })).toBe(0);
      await clock.advance(MAX_HOLD_MS - 2 * SOON_MS);
      held.assertHeld();
      await clock.advance(SOON_MS);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(signal.reason).toMatchObject({ code: "LOCK_LOST", why: "maxHold" });
      expect([held.isHeld, held.remainingMs]).toEqual([false, 0]);
      expect(() => held.assertHeld()).toThrow(signal.reason);
      const line = "lost: held for 60000 ms, the most that maxHoldMs allows";
      expect(scene.world.log.filter((logged) => logged.includes(line))).toHaveLength(subject.leases ?? 1);
      await scene.world.until(held.release());
    });

    it("is renewed no more, stays with work that goes on, and lapses within a lease", async () => {
      const { scene, held, clock } = await holding();
      await clock.advance(MAX_HOLD_MS);
      scene.here.store.forgetCalls();
      const { block = (by, key) => subject.open(by, key).take() } = subject;
      const next = new Outcome(block(scene.there.mutex, KEY));
      await clock.advance(SOON_MS);
      expect(next.isOpen).toBe(true);
      expect(await scene.leased()).not.toEqual([]);
      await clock.advance(LEASE_MS);
      expect(next.value?.isHeld).toBe(true);
      expect(scene.here.store.calls.filter(({ operation }) => operation === "renew")).toEqual([]);
      // Too late, it does nothing to the next holder.
      await scene.world.until(held.release());
      await clock.advance(SOON_MS);
      next.value?.assertHeld();
    });

    it("is free for others as soon as its holder has done with it", async () => {
      const { scene, held, clock } = await holding();
      await clock.advance(MAX_HOLD_MS + SOON_MS);
      await scene.world.until(held.release());
      await scene.expectFree();
    });

    it("may be held for as long by the next task, whose time begins when it holds", async () => {
      const scene = bounded({ maxHoldMs: MAX_HOLD_MS });
      const first = await scene.world.until(scene.bounded.take(), SOON_MS);
      const second = subject.isShared ? undefined : scene.bounded.take();
      await scene.clock.advance(MAX_HOLD_MS - SOON_MS);
      await scene.world.until(first.release());
      const next = await scene.world.until(second ?? scene.bounded.take(), SOON_MS);
      await scene.clock.advance(MAX_HOLD_MS - SOON_MS);
      next.assertHeld();
      await scene.clock.advance(SOON_MS);
      expect(next.signal.reason).toMatchObject({ why: "maxHold" });
      await scene.world.until(next.release());
    });

    it("is lost in time though the machine slept", async () => {
      const { held, clock } = await holding();
      await clock.advance(SOON_MS);
      for (let slept = 0; slept < MAX_HOLD_MS / 2; slept += 10_000) {
        clock.suspend(10_000);
        await clock.advance(5_000);
      }
      await clock.advance(MAX_HOLD_MS / 4);
      expect(held.signal.reason).toMatchObject({ why: "maxHold" });
    });

    it("leaves no timer when it was given back in time", async () => {
      const { scene, held, clock } = await holding();
      await scene.world.until(held.release());
      await scene.expectNothingLeft();
      await clock.advance(MAX_HOLD_MS);
      expect(held.signal.aborted).toBe(false);
    });
  });

  it("is overdue after the time that was stated, says so once, and goes on being held", async () => {
    const scene = bounded({ overdueAfterMs: OVERDUE_MS });
    const held = await scene.world.until(scene.bounded.take(), SOON_MS);
    const overdue = (): string[] => scene.world.log.filter((line) => line.includes("overdue"));
    await scene.clock.advance(OVERDUE_MS - SOON_MS);
    expect(overdue()).toEqual([]);
    await scene.clock.advance(3 * OVERDUE_MS);
    expect(overdue()).toEqual([`lock on "${held.key}" is overdue: held for ${OVERDUE_MS} ms`]);
    held.assertHeld();
    await scene.world.until(held.release());
    await scene.expectNothingLeft();
  });
}

/** Work that outlasts what its lock may be held for. */
export function describeBoundedRuns(subject: HoldingSubject): void {
  it("rejects with LockLostError if work goes on for longer than it may, and releases only then", async () => {
    const scene = new Scene(subject);
    const { run } = subject.open(scene.here.mutex, KEY, { maxHoldMs: MAX_HOLD_MS });
    const { clock } = scene;
    let letEnd = (): void => undefined;
    const working = new Promise<void>((resolve) => {
      letEnd = resolve;
    });
    const outcome = new Outcome(run?.(() => working) ?? expect.fail("cannot run"));
    await clock.advance(MAX_HOLD_MS + SOON_MS);
    expect(outcome.isOpen).toBe(true);
    expect(await scene.leased()).not.toEqual([]);
    letEnd();
    await clock.advance(SOON_MS);
    expect(outcome.error).toMatchObject({ code: "LOCK_LOST", why: "maxHold" });
    await scene.expectFree();
  });
}
