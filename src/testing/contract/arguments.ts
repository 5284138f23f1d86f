import type { StoredBlob } from "../../store/lease-store.ts";
import type { Contract } from "./contract.ts";
import { A, bringInto, inWords, KEY, leaseOf } from "./store-under-test.ts";

/** What the service takes, and what a caller may do while it waits. */
export function describeArguments({ describe, test, expect }: Contract): void {
  async function expectStoreRefused(call: Promise<unknown>): Promise<void> {
    const outcome = await call.then(
      () => "accepted",
      (error: { readonly code?: unknown }) => error.code,
    );
    expect(outcome).toBe("STORE_REFUSED");
  }

  describe("a lease", () => {
    for (const length of [14, 61, 0, -2]) {
      test(`cannot be of ${length} seconds`, async (under) => {
        await bringInto("available", under);
        await expectStoreRefused(under.store.acquire(KEY, A, length));
        expect(await leaseOf(under)).toBe("available");
      });
    }

    test("can be of 15 and of 60 seconds", async (under) => {
      await bringInto("available", under);
      for (const length of [15, 60]) expect(inWords(await under.store.acquire(KEY, A, length))).toBe("acquired");
    });

    test(
      "cannot be of a fraction of a second",
      async (under) => {
        await bringInto("available", under);
        await expectStoreRefused(under.store.acquire(KEY, A, 15.5));
      },
      "fractionalLeaseLength",
    );

    test(
      "bears an id that is a GUID",
      async (under) => {
        await bringInto("available", under);
        await expectStoreRefused(under.store.acquire(KEY, "not-a-guid", 15));
      },
      "leaseIdsNotValidated",
    );

    test(
      "is known by its id in capitals too",
      async (under) => {
        await bringInto("leased", under);
        expect(inWords(await under.store.renew(KEY, A.toUpperCase()))).toBe("renewed");
        expect(inWords(await under.store.release(KEY, A.toUpperCase()))).toBe("released");
      },
      "leaseIdsCaseSensitive",
    );
  });

  describe("a break", () => {
    test("takes an hour under no circumstances", async (under) => {
      await bringInto("leased", under);
      await expectStoreRefused(under.store.break(KEY, { periodSeconds: 3_600 }));
      expect(await leaseOf(under)).toBe("leased");
    });

    test(
      "takes 60 seconds at most",
      async (under) => {
        await bringInto("available", under);
        await under.store.acquire(KEY, A, "infinite");
        await expectStoreRefused(under.store.break(KEY, { periodSeconds: 61 }));
        expect(await leaseOf(under)).toBe("leased");
      },
      "breakPeriodOver60OnInfiniteLease",
    );
  });

  describe("a caller whose signal has aborted", () => {
    test("gets a rejection for an answer", async (under) => {
      await bringInto("leased", under);
      const call = { signal: AbortSignal.abort() };
      const { store } = under;
      const calls: (() => Promise<unknown>)[] = [
        () => store.acquire(KEY, A, 15, call),
        () => store.renew(KEY, A, call),
        () => store.release(KEY, A, call),
        () => store.change(KEY, A, A, call),
        () => store.break(KEY, call),
        () => store.createContainer(call),
        () => store.create("other", {}, call),
        () => store.read(KEY, call),
        () => store.writeMetadata(KEY, {}, { leaseId: A, ifMatch: '"0x1"', ...call }),
        async () => {
          const blobs: StoredBlob[] = [];
          for await (const blob of store.list("", call)) blobs.push(blob);
        },
      ];
      const outcomes: string[] = [];
      for (const ask of calls) {
        outcomes.push(
          await ask().then(
            () => "answered",
            () => "rejected",
          ),
        );
      }
      expect(outcomes).toEqual(calls.map(() => "rejected"));
      expect(await leaseOf(under)).toBe("leased");
    });

    test("gets a rejection, although the signal aborts only now", async (under) => {
      await bringInto("available", under);
      const controller = new AbortController();
      const acquired = under.store.acquire(KEY, A, 15, { signal: controller.signal });
      controller.abort();
      const outcome = await acquired.then(
        () => "answered",
        () => "rejected",
      );
      expect(outcome).toBe("rejected");
    });
  });
}
