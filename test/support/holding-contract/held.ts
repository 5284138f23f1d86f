import { describe, expect, it } from "vitest";
import { NotHeldError, StoreUnavailableError } from "../../../src/errors.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { GOOD_FOR_MS, type HoldingSubject, LEASE_MS, RENEW_EVERY_MS, Scene, SOON_MS } from "./scene.ts";

export function describeHeld(subject: HoldingSubject): void {
  describe("what is held", () => {
    it("says so, and consists of as many leases as it should", async () => {
      const scene = new Scene(subject);
      const held = await scene.take();
      await scene.clock.advance(SOON_MS);
      expect(held.isHeld).toBe(true);
      expect(held.remainingMs).toBeGreaterThan(RENEW_EVERY_MS);
      expect(held.remainingMs).toBeLessThanOrEqual(GOOD_FOR_MS);
      expect(held.signal.aborted).toBe(false);
      held.assertHeld();
      expect(await scene.leased()).toHaveLength(subject.leases ?? 1);
    });

    it("stays held until it is given back, and keeps no process alive", async () => {
      const scene = new Scene(subject);
      const held = await scene.take();
      for (let minutes = 0; minutes < 5; minutes += 1) {
        await scene.clock.advance(60_000);
        held.assertHeld();
        expect(scene.clock.pendingTimers({ keepAlive: true })).toBe(0);
      }
      expect(scene.clock.pendingTimers()).toBeGreaterThan(0);
    });

    it("is free for others when it was given back, and leaves no timer", async () => {
      const scene = new Scene(subject);
      const held = await scene.take();
      await scene.world.until(held.release());
      await scene.expectNothingLeft();
      await scene.expectFree();
    });

    it("is not held from the moment its release begins", async () => {
      const scene = new Scene(subject);
      const held = await scene.take();
      const released = held.release();
      expect(held.isHeld).toBe(false);
      expect(held.remainingMs).toBe(0);
      expect(() => held.assertHeld()).toThrow(NotHeldError);
      await scene.world.until(released);
      expect(() => held.assertHeld()).toThrow(NotHeldError);
      expect(held.signal.aborted).toBe(false);
    });

    it("can be taken and given back any number of times", async () => {
      const scene = new Scene(subject);
      for (let round = 0; round < 5; round += 1) {
        await scene.world.until((await scene.take()).release());
        await scene.world.until((await scene.take(scene.there)).release());
      }
      await scene.expectNothingLeft();
    });

    it("goes to another process soon after it was given back", async () => {
      const scene = new Scene(subject);
      const blocking = await scene.block();
      const waiting = scene.here.holdable.take();
      await scene.clock.advance(60_000);
      blocking.release().catch(() => undefined);
      const held = await scene.world.until(waiting, SOON_MS);
      expect(held.isHeld).toBe(true);
    });

    it("goes to another process within a lease of its holder's death", async () => {
      const scene = new Scene(subject);
      await scene.take();
      await scene.clock.advance(RENEW_EVERY_MS + SOON_MS);
      scene.here.store.hang("all");
      const next = await scene.block(LEASE_MS + SOON_MS);
      expect(next.isHeld).toBe(true);
    });

    it("is given back at the end of an `await using` block", async () => {
      const scene = new Scene(subject);
      let inBlock: Holding | undefined;
      const work = async (): Promise<void> => {
        await using held = await scene.here.holdable.take();
        inBlock = held;
        held.assertHeld();
      };
      await scene.world.until(work());
      expect(inBlock?.isHeld).toBe(false);
      await scene.expectNothingLeft();
    });

    it("may be given back twice, and disposed of twice: no later hold ends by that", async () => {
      const scene = new Scene(subject);
      const first = await scene.take();
      await scene.world.until(first.release());
      const mine = await scene.take();
      await scene.clock.advance(SOON_MS);
      scene.here.store.forgetCalls();
      await scene.world.until(Promise.all([first.release(), first[Symbol.asyncDispose](), first.release()]));
      await scene.clock.advance(SOON_MS);
      expect(scene.here.store.count()).toBe(0);
      expect(mine.isHeld).toBe(true);
      expect(await scene.leased()).toHaveLength(subject.leases ?? 1);
      await scene.world.until(mine.release());

      const theirs = await scene.take(scene.there);
      await scene.world.until(
        Promise.all([first.release(), first[Symbol.asyncDispose](), mine[Symbol.asyncDispose]()]),
      );
      await scene.clock.advance(RENEW_EVERY_MS + SOON_MS);
      expect(theirs.isHeld).toBe(true);
      await scene.world.until(theirs.release());
      await scene.expectNothingLeft();
    });

    it("throws StoreUnavailableError from release if the service cannot be told; it lapses by itself", async () => {
      for (const [end, outcome] of [
        ["release", StoreUnavailableError],
        ["dispose", undefined],
      ] as const) {
        const scene = new Scene(subject);
        const held = await scene.take();
        await scene.clock.advance(SOON_MS);
        scene.here.store.failBefore("all");
        const ended = end === "release" ? held.release() : held[Symbol.asyncDispose]();
        const came = await scene.world.until(
          ended.then(
            () => undefined,
            (error: unknown) => error,
          ),
        );
        if (outcome) expect(came).toBeInstanceOf(outcome);
        else expect(came).toBeUndefined();
        expect(held.isHeld).toBe(false);
        expect(() => held.assertHeld()).toThrow(NotHeldError);
        await scene.expectNothingLeft(LEASE_MS);
      }
    });

    it("hides nothing that a block throws when its disposal fails", async () => {
      const scene = new Scene(subject);
      const work = async (): Promise<void> => {
        await using held = await scene.here.holdable.take();
        scene.here.store.failBefore("all");
        held.assertHeld();
        throw new Error("the work's own");
      };
      await expect(scene.world.until(work())).rejects.toThrow("the work's own");
    });
  });
}
