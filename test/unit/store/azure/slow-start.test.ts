import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { BlobLeaseStore } from "../../../../src/store/azure/blob-lease-store.ts";
import { FakeClock } from "../../../../src/testing/index.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { ServiceDouble } from "../../../support/service-double.ts";
import { settled } from "../../../support/settled.ts";

/** Far longer than a request may take, as where a container has a tenth of a processor. */
const LOADING_MS = 10_000;

function slowStart() {
  const clock = new FakeClock();
  const service = new ServiceDouble(clock);
  const store = new BlobLeaseStore(async () => {
    await sleep(clock, LOADING_MS);
    return service.client();
  });
  const operations = () => service.asked.map(({ operation }) => operation).sort();
  return { clock, service, operations, mutex: new AzureMutex({ store, clock }) };
}

describe("an SDK that takes longer to load than a request may take", () => {
  it("is waited for, and no request is sent twice for it", async () => {
    const { clock, operations, mutex } = slowStart();
    expect(await settled(clock, mutex.inspect("job"), LOADING_MS)).toMatchObject({
      status: "fulfilled",
      value: { state: "missing" },
    });
    expect(operations()).toEqual(["list", "read"]);
  });

  it("shortens the first lease: its time is counted from before the loading", async () => {
    const { clock, service, mutex } = slowStart();
    await service.memory.createContainer();
    await service.memory.create("job", {});
    const taking = mutex.acquire("job", 30);
    await clock.advance(LOADING_MS);
    const lease = await taking;
    expect(lease.remainingMs).toBeLessThanOrEqual(30_000 - LOADING_MS);
    expect(lease.remainingMs).toBeGreaterThan(0);
  });

  it("keeps no caller that has cancelled", async () => {
    const { clock, operations, mutex } = slowStart();
    const stop = new AbortController();
    const waiting = settled(clock, mutex.locker("job").lock({ signal: stop.signal }), 0);
    stop.abort(new Error("enough"));
    expect(await waiting).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    await clock.advance(2 * LOADING_MS);
    expect(operations()).not.toContain("acquire");
  });
});
