import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { BreakResult } from "../../../src/locks/break-lock.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { type Permit, Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import {
  client,
  container,
  fair,
  fencing,
  here,
  key,
  permit,
  proxy,
  requestsOf,
  side,
  storage,
  type Take,
  there,
  useKey,
} from "./two-processes.ts";

/** A holder that lost it learns that soon. */
const RENEWED_OFTEN = { renewEveryMs: 1_500 };
const SHORT = { ...RENEWED_OFTEN, leaseSeconds: 15, tryTimeoutMs: 3_000 };

/** Resolves with why what is held was lost, when it is. */
async function lossOf({ signal }: Holding): Promise<unknown> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  return signal.reason;
}

describe("an observer on the emulator", () => {
  const named = async (take: Take, mutex: AzureMutex): Promise<Holding> => {
    const held = await take(mutex);
    await proxy.quiet();
    return held;
  };
  const listed = async (prefix: string): Promise<LockStatus[]> => {
    const found: LockStatus[] = [];
    for await (const status of here.list({ prefix })) found.push(status);
    return found;
  };

  const withoutRenewals = (operations: string): string => operations.replace(/renew ?/g, "").trim();

  it("sees all keys in 1 request, those too that sort before the helper blobs", async () => {
    const keys = ["!first", "-a", ".azmutey", "0", "last"];
    for (const name of keys) {
      await new Semaphore(there, name, { permits: 2, holder: "p" }).acquire();
      // A key is used as one thing, until its blob is deleted.
      await client.deleteBlob(name);
      await there.locker(name, { holder: "l" }).lock();
    }
    await proxy.quiet();
    let all: LockStatus[] = [];
    expect(withoutRenewals(await requestsOf("list of the whole container", async () => (all = await listed(""))))).toBe(
      "list",
    );
    expect(all.map((status) => status.key)).toEqual(keys);
    for (const { holder, semaphore } of all)
      expect([holder?.name, semaphore?.held[0]?.holder?.name]).toEqual(["l", "p"]);
  });

  it("sees in 2 requests, and 2 for all keys, who holds permits, who reads, and who waits for the gate", async () => {
    const a = (await named(permit({ permits: 2, holder: "a", purpose: "reports", fair }), here)) as Permit;
    await named(permit({ permits: 2, holder: "b", fencing, fair }), there);
    await client.deleteBlob(key);
    await named(side("read", { holder: "r" }), there);
    let status = {} as LockStatus;
    const looks = await requestsOf("inspect", async () => (status = await here.inspect(key)));
    expect(looks.split(" ").sort()).toEqual(["list", "read"]);
    expect(status).toMatchObject({ key, state: "available", isHeld: false, waiting: [] });
    expect(status).toMatchObject({ kind: "reader-writer-lock", mixedKinds: ["reader-writer-lock", "semaphore"] });
    expect(status.readers).toMatchObject([{ state: "leased", holder: { name: "r" } }]);
    expect(status.semaphore).toMatchObject({ permits: 2, waiting: [], isGateTaken: false });
    const held = status.semaphore?.held ?? [];
    expect(held.map(({ slot, state }) => [slot, state])).toEqual([
      [0, "leased"],
      [1, "leased"],
    ]);
    expect(held[a.slot]).toMatchObject({
      holder: { name: "a" },
      purpose: "reports",
      leaseSeconds: 30,
      highestToken: expect.any(Number),
    });
    expect(Math.abs((held[a.slot]?.recordedAt?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(held[1 - a.slot]).not.toHaveProperty("holder");
    let all: LockStatus[] = [];
    expect(await requestsOf("list", async () => (all = await listed(key)))).toBe("list list");
    expect(all).toEqual([status]);

    const waiting = ["c", "d"].map((holder) => permit({ permits: 2, holder, fair })(storage.mutex(container)));
    await expect
      .poll(async () => (await here.inspect(key)).semaphore)
      .toMatchObject({ isGateTaken: true, waiting: { length: 1 } });
    for (const { semaphore } of [await here.inspect(key), ...(await listed(key))]) {
      // One of the two is at the gate.
      expect([semaphore?.isGateTaken, semaphore?.waiting?.length]).toEqual([true, 1]);
    }
    await here.break(key, { permit: 0, periodSeconds: 0 });
    await here.break(key, { permit: 1, periodSeconds: 0 });
    for (const next of await Promise.all(waiting)) await next.release();
  });

  it("breaks one permit in 2 requests, and its holder learns that at its next renewal", async () => {
    const one = (await named(permit({ permits: 2, holder: "a", ...SHORT }), here)) as Permit;
    const other = (await named(permit({ permits: 2, holder: "b", ...SHORT }), there)) as Permit;
    expect(await here.break(key, { permit: one.slot, ifHolder: "b" })).toMatchObject({
      outcome: "heldByAnother",
      holder: { name: "a" },
    });
    let broken: BreakResult | undefined;
    const sent = await requestsOf("break of a permit", async () => {
      broken = await here.break(key, { permit: one.slot, ifHolder: "a", periodSeconds: 2 });
    });
    expect(withoutRenewals(sent)).toBe("read break");
    expect(broken).toMatchObject({ outcome: "broken", holder: { name: "a" } });
    expect(await lossOf(one)).toMatchObject({ code: "LOCK_LOST", why: "broken", key });
    expect(other.isHeld).toBe(true);
    const next = await permit({ permits: 2 })(there);
    expect((next as Permit).slot).toBe(one.slot);
    await Promise.all([next.release(), other.release()]);
  });

  it("breaks all who read under one name in 1 request and 1 for each process, and lets the writer in", async () => {
    const readers = [
      await named(side("read", { holder: "a", ...SHORT }), here),
      await named(side("read", { holder: "a", ...RENEWED_OFTEN }), there),
    ];
    const other = await named(side("read", { holder: "b" }), storage.mutex(container));
    let broken: BreakResult | undefined;
    const sent = await requestsOf("break of two readers", async () => {
      broken = await here.break(key, { reader: "a", periodSeconds: 2 });
    });
    expect(withoutRenewals(sent)).toBe("list break break");
    expect(broken).toMatchObject({ outcome: "broken", freeInSeconds: 2, holder: { name: "a" } });
    expect(
      withoutRenewals(await requestsOf("break of an unknown reader", () => here.break(key, { reader: "x" }))),
    ).toBe("list");
    await other.release();
    const writing = side("write")(storage.mutex(container));
    for (const reader of readers) expect(await lossOf(reader)).toMatchObject({ code: "LOCK_LOST", why: "broken", key });
    const written = await writing;
    expect(written.isHeld).toBe(true);
    await written.release();
  });

  it("sees the longest keys, holders and purposes there can be", async () => {
    for (const letter of ["x", "漢"]) {
      useKey(`${randomUUID()}${letter.repeat(1_024 - 36)}`);
      const holder = letter.repeat(256);
      const held = await named(permit({ permits: 1_000, holder, purpose: letter.repeat(1_024) }), here);
      expect(await listed(key.slice(0, 36))).toMatchObject([
        { key, semaphore: { permits: 1_000, held: [{ slot: 0, holder: { name: holder } }] } },
      ]);
      await held.release();
    }
    useKey(`${randomUUID()}${"漢".repeat(300)}`);
    const reading = await named(side("read", { holder: "漢".repeat(256) }), here);
    expect(await listed(key.slice(0, 36))).toMatchObject([{ key, readers: [{ holder: { name: "漢".repeat(256) } }] }]);
    await reading.release();
  });
});

describe("an election on the emulator", () => {
  it("carries data of 4,096 bytes as stored, a candidate of 256 letters beyond ASCII, and any text", async () => {
    const longest = "\u{1F680}".repeat(341);
    const ours = new LeaderElection(here, key, { candidate: "é".repeat(256), data: longest });
    const leadership = await ours.campaign();
    expect(await ours.leader()).toMatchObject({ candidate: "é".repeat(256), data: longest });
    for (const data of ["", " a ", "a\r\nb: c", '"\\', "\u0000\u007f\u2028", "x".repeat(4_094)]) {
      await leadership.proclaim(data);
      expect((await ours.leader())?.data).toBe(data);
    }
    await leadership.resign();
  });
});
