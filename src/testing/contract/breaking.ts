import type { BreakAnswer } from "../../store/lease-store.ts";
import type { Contract } from "./contract.ts";
import { A, B, bringInto, inWords, KEY, leaseOf, readBlob } from "./store-under-test.ts";

export function describeBreaking({ describe, test, expect }: Contract): void {
  /** Some seconds may have passed where time is real and the machine busy. */
  function expectFreeIn(seconds: number, answer: BreakAnswer): void {
    expect(answer.kind).toBe("breaking");
    if (answer.kind !== "breaking") return;
    expect(answer.freeInSeconds).toBeLessThanOrEqual(seconds);
    expect(answer.freeInSeconds).toBeGreaterThanOrEqual(seconds - 5);
  }

  describe("a break", () => {
    test("lets no other in before its period is over, and any other afterwards", async (under) => {
      await bringInto("leased", under);
      await under.store.break(KEY, { periodSeconds: 20 });
      await under.advance(15_000);
      expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("held");
      await under.advance(5_000);
      expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("acquired");
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
    });

    test("takes no longer than the lease would have run", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, 15);
      expectFreeIn(15, await under.store.break(KEY, { periodSeconds: 60 }));
      await under.advance(15_000);
      expect(await leaseOf(under)).toBe("broken");
    });

    test("can be shortened, and not drawn out again", async (under) => {
      await bringInto("leased", under);
      expectFreeIn(60, await under.store.break(KEY));
      expectFreeIn(40, await under.store.break(KEY, { periodSeconds: 40 }));
      expectFreeIn(40, await under.store.break(KEY, { periodSeconds: 60 }));
      expectFreeIn(40, await under.store.break(KEY));
      expectFreeIn(10, await under.store.break(KEY, { periodSeconds: 10 }));
      expectFreeIn(0, await under.store.break(KEY, { periodSeconds: 0 }));
      expect(await leaseOf(under)).toBe("broken");
    });

    test("of an infinite lease is done at once", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, "infinite");
      expectFreeIn(0, await under.store.break(KEY));
      expect(await leaseOf(under)).toBe("broken");
    });

    test("of an infinite lease takes the period it is given", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, "infinite");
      expectFreeIn(60, await under.store.break(KEY, { periodSeconds: 60 }));
      const { leaseState, infinite } = await readBlob(under);
      expect({ leaseState, infinite }).toEqual({ leaseState: "breaking", infinite: false });
      await under.advance(60_000);
      expect(await leaseOf(under)).toBe("broken");
    });

    test("may be left to its holder, who releases before the period is over", async (under) => {
      await bringInto("breaking", under);
      expect(inWords(await under.store.release(KEY, A))).toBe("released");
      expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("acquired");
    });

    test("happens if the blob is as its caller saw it", async (under) => {
      await bringInto("leased", under);
      const { etag } = await readBlob(under);
      expectFreeIn(0, await under.store.break(KEY, { periodSeconds: 0, ifMatch: etag }));
    });

    test("does not happen if the blob was written since", async (under) => {
      await bringInto("leased", under);
      const { etag } = await readBlob(under);
      await under.foreign.putBlob(KEY, { leaseId: A });
      expect(inWords(await under.store.break(KEY, { periodSeconds: 0, ifMatch: etag }))).toBe("unmet");
      expect(await leaseOf(under)).toBe("leased");
    });
  });
}
