import { describe, expect, it } from "vitest";
import { AccessDeniedError, LockLostError, NotHeldError } from "../../../src/errors.ts";
import type { Fault } from "../../../src/testing/index.ts";
import type { World } from "../world.ts";
import {
  ALL_DONE_MS,
  GOOD_FOR_MS,
  type HoldingSubject,
  KEY,
  LATENCY_MS,
  LEASE_MS,
  OLD_MS,
  RENEW_EVERY_MS,
  Scene,
  SOON_MS,
  type Store,
} from "./scene.ts";

export function describeLoss(subject: HoldingSubject): void {
  const holding = async () => {
    const scene = new Scene(subject);
    const held = await scene.take();
    await scene.clock.advance(SOON_MS);
    return { scene, held, clock: scene.clock, store: scene.here.store };
  };

  describe("what is lost", () => {
    it("counts as held from before the request that got it, not from the answer", async () => {
      const scene = new Scene(subject);
      await scene.heldBefore();
      const { store, holdable } = scene.here;
      store.delayAnswer("acquire", 2_000);
      const held = await scene.world.until(holdable.take());
      const granted = store.calls.filter(({ operation }) => operation === "acquire").map(({ at }) => at);
      const first = granted.at(-(subject.leases ?? 1)) as number;
      expect(held.remainingMs).toBeLessThanOrEqual(GOOD_FOR_MS - (scene.clock.now() - first));
    });

    it("is lost at its deadline when renewals hang, and the service still keeps everybody out", async () => {
      const { scene, held, clock, store } = await holding();
      const { signal } = held;
      store.hang("renew");
      await clock.advance(held.remainingMs - 1);
      expect(signal.aborted).toBe(false);
      held.assertHeld();

      await clock.advance(1);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(signal.reason).toMatchObject({ code: "LOCK_LOST", why: "expired" });
      expect(held.isHeld).toBe(false);
      expect(held.remainingMs).toBe(0);
      expect(() => held.assertHeld()).toThrow(signal.reason);
      expect(await scene.leased()).toHaveLength(subject.leases ?? 1);
    });

    it("is lost at its deadline too when renewals are done and their answers never come", async () => {
      const { held, clock, store } = await holding();
      store.hangAfter("renew");
      await clock.advance(held.remainingMs);
      expect(held.signal.reason).toMatchObject({ why: "expired" });
    });

    it("is lost by the clock at once when the event loop stalls, and by its signal when the loop turns", async () => {
      const { held, clock, store } = await holding();
      const { signal } = held;
      store.hang("renew");
      clock.block(held.remainingMs);
      expect(held.isHeld).toBe(false);
      expect(held.remainingMs).toBe(0);
      expect(() => held.assertHeld()).toThrow(LockLostError);
      expect(signal.aborted).toBe(false);
      await clock.settle();
      expect(signal.reason).toMatchObject({ why: "expired" });
    });

    const refusals: readonly (readonly [
      why: string,
      how: string,
      refuse: (world: World, blob: string) => Promise<unknown>,
    ])[] = [
      ["broken", "its lease is broken", (world, blob) => world.memory.break(blob, { periodSeconds: 0 })],
      [
        "taken",
        "its lease is broken and taken",
        async (world, blob) => {
          await world.memory.break(blob, { periodSeconds: 0 });
          expect(await world.stranger(blob)).toBe("acquired");
        },
      ],
      [
        "deleted",
        "its blob is gone",
        async (world, blob) => {
          await world.memory.break(blob, { periodSeconds: 0 });
          await world.memory.remove(blob);
        },
      ],
      ["deleted", "the container is gone", (world) => world.memory.deleteContainer()],
    ];
    it.each(refusals)("is lost at the next renewal as %s when %s", async (why, _how, refuse) => {
      for (let lease = 0; lease < (subject.leases ?? 1); lease += 1) {
        const { scene, held, clock, store } = await holding();
        await refuse(scene.world, (await scene.leased())[lease] as string);
        await clock.advance(RENEW_EVERY_MS);
        expect(held.signal.reason).toBeInstanceOf(LockLostError);
        expect(held.signal.reason).toMatchObject({ why });
        expect(held.isHeld).toBe(false);
        expect(() => held.assertHeld()).toThrow(held.signal.reason);
        // Whatever it still has is given back; what it has not is left alone.
        await scene.world.until(held.release());
        await clock.advance(ALL_DONE_MS);
        store.forgetCalls();
        await clock.advance(ALL_DONE_MS);
        expect(store.count()).toBe(0);
      }
    });

    const blips: readonly (readonly [name: string, begin: (store: Store) => Fault])[] = [
      ["503s", (store) => store.failBefore("renew", { answered: true, retryAfterMs: 30_000 })],
      ["resets", (store) => store.failBefore("renew")],
      ["silence", (store) => store.hang("all")],
      ["lost answers", (store) => store.failAfter("renew")],
      [
        "refused credentials, while keys roll",
        (store) => store.failBefore("renew", { error: new AccessDeniedError("403", KEY) }),
      ],
    ];
    it.each(blips)("is not lost by %s for less than its deadline, whenever they begin", async (_name, begin) => {
      for (let beginsAfterMs = 0; beginsAfterMs < RENEW_EVERY_MS; beginsAfterMs += 1_777) {
        const { held, clock, store } = await holding();
        await clock.advance(beginsAfterMs);
        const blip = begin(store);
        await clock.advance(11_000);
        blip.heal();
        await clock.advance(60_000);
        held.assertHeld();
        expect(held.signal.aborted).toBe(false);
      }
    });

    it("is lost for ever, and its signal tells so when it is first read then", async () => {
      const { held, clock, store } = await holding();
      const hanging = store.hang("renew");
      await clock.advance(GOOD_FOR_MS);
      hanging.heal();
      await clock.advance(60_000);
      expect(held.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "expired" });
      expect(held.isHeld).toBe(false);
      expect(() => held.assertHeld()).toThrow(LockLostError);
    });

    it("is left alone until its lease has run out, as its work may still be stopping, and is free then", async () => {
      const { scene, held, clock, store } = await holding();
      const hanging = store.hang("renew");
      await clock.advance(held.remainingMs);
      hanging.heal();
      const lost = clock.now();
      store.forgetCalls();
      await clock.advance(LEASE_MS - GOOD_FOR_MS - 1);
      expect(store.count("release")).toBe(0);
      expect(await scene.leased()).toHaveLength(subject.leases ?? 1);
      await scene.take(scene.there, SOON_MS + LATENCY_MS);
      expect(clock.now() - lost).toBeGreaterThanOrEqual(LEASE_MS - GOOD_FOR_MS - LATENCY_MS);
    });

    it("is free when its lease would have run out, also if an abandoned renewal arrives after the loss", async () => {
      const scene = new Scene(subject);
      await scene.take();
      const taken = scene.clock.now();
      const { store } = scene.here;
      const leases = subject.leases ?? 1;
      store.applyLate("renew", GOOD_FOR_MS - RENEW_EVERY_MS + 2_000, { times: leases });
      store.hang("renew", { after: leases });
      await scene.clock.advance(LEASE_MS - 1_000);
      expect(await scene.leased()).toHaveLength(leases);
      await scene.block(2 * SOON_MS);
      expect(scene.clock.now() - OLD_MS - taken, "until another has it").toBeLessThanOrEqual(LEASE_MS + SOON_MS);
    });

    it("is free as soon as the work that lost it is done", async () => {
      const { scene, held, clock, store } = await holding();
      const hanging = store.hang("renew");
      await clock.advance(held.remainingMs);
      hanging.heal();
      await scene.world.until(held.release());
      await scene.expectFree();
    });

    it("has no part in it when the next one holds it: its release throws and ends nothing", async () => {
      const { scene, held, clock, store } = await holding();
      const hanging = store.hang("renew");
      await clock.advance(held.remainingMs);
      hanging.heal();
      const next = await scene.take(scene.there, LEASE_MS);
      await scene.world.until(held.release());
      await scene.world.until(held[Symbol.asyncDispose]());
      expect(() => held.assertHeld()).toThrow(NotHeldError);
      await clock.advance(60_000);
      next.assertHeld();
      await scene.world.until(next.release());
      const again = await scene.take();
      again.assertHeld();
      await scene.world.until(again.release());
      await scene.expectNothingLeft();
    });

    it("can be taken again by the same process that lost it and has not given it back", async () => {
      const { scene, held, clock, store } = await holding();
      const hanging = store.hang("renew");
      await clock.advance(held.remainingMs);
      hanging.heal();
      const again = await scene.take(scene.here, LEASE_MS - GOOD_FOR_MS + SOON_MS);
      await scene.world.until(held.release());
      await clock.advance(60_000);
      again.assertHeld();
      expect(held.isHeld).toBe(false);
    });
  });
}
