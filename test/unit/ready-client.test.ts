import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/azure-mutex.ts";
import type { ContainerClientLike } from "../../src/lease/blob-lease-store.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { ServiceDouble } from "../support/service-double.ts";
import { settled } from "../support/settled.ts";

describe("a container client that is ready to use", () => {
  it("is copied with its retries off: how often the service is asked is ours to say", async () => {
    const clock = new FakeClock();
    const busy = { status: 503, headers: { "x-ms-error-code": "ServerBusy", "x-ms-request-id": "r" } };
    const service = new ServiceDouble(clock, { middleman: async () => busy });
    // With the SDK's defaults it would be asked four times for each of our tries.
    const mutex = new AzureMutex({ containerClient: service.client(undefined, {}), clock });
    const outcome = await settled(clock, mutex.acquire("job", 15), 60_000);
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE", answered: true } });
    expect(service.asked.filter(({ operation }) => operation === "acquire")).toHaveLength(3);
  });

  it("is used as it is where it is none of an SDK's, but has its shape", async () => {
    const clock = new FakeClock();
    const service = new ServiceDouble(clock);
    const sdk = service.client();
    const containerClient: ContainerClientLike = {
      containerName: "locks",
      create: (options) => sdk.create(options),
      getBlockBlobClient: (name) => sdk.getBlockBlobClient(name),
      listBlobsFlat: (options) => sdk.listBlobsFlat(options),
    };
    const mutex = new AzureMutex({ containerClient, clock });
    const outcome = await settled(clock, mutex.locker("job").tryLock(), 60_000);
    expect(outcome).toMatchObject({ status: "fulfilled", value: { key: "job", isHeld: true } });
    expect(await service.memory.read("job")).toMatchObject({ blob: { leaseState: "leased" } });
  });
});
