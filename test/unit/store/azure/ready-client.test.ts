import {
  AnonymousCredential,
  BaseRequestPolicy,
  ContainerClient,
  newPipeline,
  type Pipeline,
  type RequestPolicy,
  type RequestPolicyOptions,
  type StoragePipelineOptions,
  type WebResource,
} from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import type { ContainerClientLike } from "../../../../src/store/azure/sdk-clients.ts";
import { FakeClock } from "../../../../src/testing/index.ts";
import { ServiceDouble } from "../../../support/service-double.ts";
import { settled } from "../../../support/settled.ts";

describe("a container client that is ready to use", () => {
  it("sends our requests without retries of its own: how often the service is asked is ours to say", async () => {
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

const URL_OF_CONTAINER = "https://acme.blob.core.windows.net/locks";

class Audit extends BaseRequestPolicy {
  readonly #urls: string[];

  constructor(urls: string[], next: RequestPolicy, options: RequestPolicyOptions) {
    super(next, options);
    this.#urls = urls;
  }

  sendRequest(request: WebResource) {
    this.#urls.push(request.url);
    return this._nextPolicy.sendRequest(request);
  }
}

/** As a program makes them for its own purposes. Each has a pipeline whose policy notes what it sees. */
const SHAPES: Readonly<Record<string, (pipeline: Pipeline) => ContainerClient>> = {
  "with a policy of its own": (pipeline) => new ContainerClient(URL_OF_CONTAINER, pipeline),
  "that is a subclass with a constructor of its own": (pipeline) => {
    class Tenant extends ContainerClient {
      constructor(name: string) {
        super(`https://acme.blob.core.windows.net/${name}`, pipeline);
      }
    }
    return new Tenant("locks");
  },
  "that is a subclass with private fields": (pipeline) => {
    class Counted extends ContainerClient {
      #asked = 0;
      override getBlockBlobClient(name: string) {
        this.#asked += 1;
        return super.getBlockBlobClient(name);
      }
    }
    return new Counted(URL_OF_CONTAINER, pipeline);
  },
  "behind a Proxy that binds its methods": (pipeline) =>
    new Proxy(new ContainerClient(URL_OF_CONTAINER, pipeline), {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target);
        return typeof found === "function" ? found.bind(target) : found;
      },
    }),
};

describe.each(Object.entries(SHAPES))("a container client %s", (_, made) => {
  function setUp(middleman?: ConstructorParameters<typeof ServiceDouble>[1]) {
    const clock = new FakeClock();
    const service = new ServiceDouble(clock, middleman);
    const seen: string[] = [];
    const { options } = (
      service.client(undefined, { maxTries: 3, retryDelayInMs: 0 }) as unknown as { pipeline: Pipeline }
    ).pipeline;
    const pipeline = newPipeline(new AnonymousCredential(), options as StoragePipelineOptions);
    pipeline.factories.unshift({ create: (next, given) => new Audit(seen, next, given) });
    return { clock, service, seen, client: made(pipeline) };
  }

  it("goes where it goes, and its policies see every request of ours", async () => {
    const { clock, service, seen, client } = setUp();
    const mutex = new AzureMutex({ containerClient: client, clock });
    const worked = mutex.locker("job").run(() => "worked");
    expect(await settled(clock, worked, 60_000)).toEqual({ status: "fulfilled", value: "worked" });
    expect(await settled(clock, mutex.locker("job").tryLock(), 60_000)).toMatchObject({
      status: "fulfilled",
      value: { isHeld: true },
    });
    for await (const { key } of mutex.list()) expect(key).toBe("job");
    expect(seen.length).toBeGreaterThan(5);
    expect(seen).toEqual(service.asked.map(({ url }) => url));
    for (const url of seen) expect(url.startsWith(URL_OF_CONTAINER)).toBe(true);
  });

  it("sends each of our requests once, and repeats those of the program as before", async () => {
    const busy = { status: 503, headers: { "x-ms-error-code": "ServerBusy", "x-ms-request-id": "r" } };
    const { clock, service, client } = setUp({ middleman: async () => busy });
    for (const mutex of [
      new AzureMutex({ containerClient: client, clock }),
      new AzureMutex({ containerClient: client, clock }),
    ]) {
      service.asked.length = 0;
      const outcome = await settled(clock, mutex.acquire("job", 15), 60_000);
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE", answered: true } });
      expect(service.asked.filter(({ operation }) => operation === "acquire")).toHaveLength(3);
    }
    service.asked.length = 0;
    await expect(client.getBlockBlobClient("job").getProperties()).rejects.toMatchObject({ statusCode: 503 });
    expect(service.asked).toHaveLength(3);
  });
});

describe("the URL of a container client", () => {
  it.each([
    "https://acme.blob.core.windows.net/locks/job",
    "http://127.0.0.1:10000/acme",
    "https://acme-secondary.blob.core.windows.net/locks",
    "https://acme.dfs.core.windows.net/locks",
  ])("%s, which is none of a container's in the blob service, is refused", (url) => {
    expect(() => new AzureMutex({ containerClient: new ContainerClient(url) })).toThrow(/^containerClient must be /);
  });

  it.each([
    "http://127.0.0.1:10000/acme/locks",
    "https://127.0.0.1:4433/locks",
    "https://blobs.acme.example/locks",
    "https://azurite.acme.example:10000/acme/locks",
  ])("%s is taken", (url) => {
    expect(new AzureMutex({ containerClient: new ContainerClient(url) })).toBeInstanceOf(AzureMutex);
  });
});
