import type { Contract } from "./contract.ts";
import { A, B, bringInto, C, inWords, KEY, leaseOf, readBlob } from "./store-under-test.ts";

/** What the table of states cannot show: how leases run, and what repetitions and late calls come to. */
export function describeLeaseLife({ describe, test, expect }: Contract): void {
  describe("a lease runs out", () => {
    test("after its length, and not before", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, 15);
      await under.advance(10_000);
      expect(await leaseOf(under)).toBe("leased");
      await under.advance(5_000);
      expect(await leaseOf(under)).toBe("expired");
    });

    test("never, if it is infinite", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, "infinite");
      await under.advance(86_400_000);
      const { leaseState, infinite } = await readBlob(under);
      expect({ leaseState, infinite }).toEqual({ leaseState: "leased", infinite: true });
      expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("held");
      expect(inWords(await under.store.renew(KEY, A))).toBe("renewed");
      expect(inWords(await under.store.release(KEY, A))).toBe("released");
    });

    test("later by a renewal, which keeps its length", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, 15);
      await under.advance(10_000);
      await under.store.renew(KEY, A);
      await under.advance(10_000);
      expect(await leaseOf(under)).toBe("leased");
      await under.advance(5_000);
      expect(await leaseOf(under)).toBe("expired");
    });

    test("later by a repeated acquire, which brings its own length", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, 15);
      await under.advance(10_000);
      await under.store.acquire(KEY, A, 30);
      await under.advance(20_000);
      expect(await leaseOf(under)).toBe("leased");
      await under.store.acquire(KEY, A, "infinite");
      expect((await readBlob(under)).infinite).toBe(true);
    });

    test("no later by a change, which hands over what is left", async (under) => {
      await bringInto("available", under);
      await under.store.acquire(KEY, A, 15);
      await under.advance(10_000);
      await under.store.change(KEY, A, B);
      await under.advance(5_000);
      expect(await leaseOf(under)).toBe("expired");
    });

    test("when it is renewed after it had run out, as late as if it had been acquired then", async (under) => {
      await bringInto("expired", under);
      await under.store.renew(KEY, A);
      await under.advance(50_000);
      expect(await leaseOf(under)).toBe("leased");
      await under.advance(10_000);
      expect(await leaseOf(under)).toBe("expired");
    });
  });

  describe("a lease that ran out is gone for its holder", () => {
    test("once another has acquired", async (under) => {
      await bringInto("expired", under);
      await under.store.acquire(KEY, B, 60);
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
      expect(inWords(await under.store.release(KEY, A))).toBe("refused (taken)");
      expect(await leaseOf(under)).toBe("leased");
    });

    test("once another has acquired and released", async (under) => {
      await bringInto("expired", under);
      await under.store.acquire(KEY, B, 60);
      await under.store.release(KEY, B);
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
    });

    test(
      "once another's lease has run out as well",
      async (under) => {
        await bringInto("expired", under);
        await under.store.acquire(KEY, B, 15);
        await under.advance(15_000);
        expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
        expect(await leaseOf(under)).toBe("expired");
      },
      "renewWithForeignIdOnExpiredLease",
    );

    test("once the blob was written", async (under) => {
      await bringInto("expired", under);
      await under.foreign.putBlob(KEY);
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
    });

    test("once it was broken", async (under) => {
      await bringInto("expired", under);
      await under.store.break(KEY);
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (broken)");
    });

    test("once the blob was deleted and created anew", async (under) => {
      await bringInto("expired", under);
      await under.foreign.deleteBlob(KEY);
      await under.store.create(KEY, {});
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
      expect(inWords(await under.store.release(KEY, A))).toBe("refused (taken)");
    });
  });

  describe("a call that is repeated because its answer was lost", () => {
    test("acquires again under the same id", async (under) => {
      await bringInto("available", under);
      expect(inWords(await under.store.acquire(KEY, A, 15))).toBe("acquired");
      expect(inWords(await under.store.acquire(KEY, A, 15))).toBe("acquired");
    });

    test("changes again, from the old id to the new", async (under) => {
      await bringInto("leased", under);
      expect(inWords(await under.store.change(KEY, A, B))).toBe("changed");
      expect(inWords(await under.store.change(KEY, A, B))).toBe("changed");
      expect(inWords(await under.store.change(KEY, A, C))).toBe("refused (taken)");
    });

    test("does not release again", async (under) => {
      await bringInto("leased", under);
      expect(inWords(await under.store.release(KEY, A))).toBe("released");
      expect(inWords(await under.store.release(KEY, A))).toBe("refused (taken)");
    });

    test("does not release a lease that had run out again", async (under) => {
      await bringInto("expired", under);
      expect(inWords(await under.store.release(KEY, A))).toBe("released");
      expect(inWords(await under.store.release(KEY, A))).toBe("refused (taken)");
    });

    test("does not release another's lease", async (under) => {
      await bringInto("leased", under);
      await under.store.release(KEY, A);
      await under.store.acquire(KEY, B, 15);
      expect(inWords(await under.store.release(KEY, A))).toBe("refused (taken)");
      expect(await leaseOf(under)).toBe("leased");
    });
  });

  test("a lease that changed hands is the new id's alone", async (under) => {
    await bringInto("leased", under);
    await under.store.change(KEY, A, B);
    expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
    expect(inWords(await under.store.acquire(KEY, A, 15))).toBe("held");
    expect(inWords(await under.store.renew(KEY, B))).toBe("renewed");
    expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("acquired");
    expect(inWords(await under.store.release(KEY, B))).toBe("released");
  });

  test("exactly one of many acquires wins", async (under) => {
    await bringInto("available", under);
    const ids = Array.from({ length: 20 }, (_, n) => `${String(n).padStart(8, "0")}-4444-4444-8444-444444444444`);
    const answers = await Promise.all(ids.map((id) => under.store.acquire(KEY, id, 15)));
    expect(answers.map(inWords).filter((answer) => answer !== "held")).toEqual(["acquired"]);
  });
}
