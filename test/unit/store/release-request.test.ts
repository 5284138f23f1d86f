import { AnonymousCredential, ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { type ConnectOptions, connect } from "../../../src/store/azure/connect.ts";
import { type ReleaseRequest, releaseRequest } from "../../../src/store/release-request.ts";

const KEY = "c2VjcmV0LWNhbmFyeS1zZWNyZXQtY2FuYXJ5LXNlY3JldA==";
const LEASE = "11111111-2222-4333-8444-555555555555";
const URL_OF_CONTAINER = "https://acme.blob.core.windows.net/locks";
const URL_OF_BLOB = `${URL_OF_CONTAINER}/a/key%20with%20blanks`;
const release = { "x-ms-lease-action": "release", "x-ms-lease-id": LEASE, "x-ms-version": expect.any(String) };
const byKey = {
  ...release,
  "x-ms-date": expect.any(String),
  authorization: expect.stringMatching(/^SharedKey acme:[A-Za-z0-9+/]{43}=$/),
};

const credential = (expiresInMs = 3_600_000) => ({
  getToken: async () => ({ token: "canarytoken", expiresOnTimestamp: Date.now() + expiresInMs }),
});

/** What there is to release the lease with once the store is ready, and has had a token if it needs one. */
async function requestOf(options: ConnectOptions): Promise<ReleaseRequest | undefined> {
  const store = connect(options);
  expect(store.releaseRequest?.("a/key with blanks", LEASE)).toBeUndefined();
  await store.prepare?.();
  return store.releaseRequest?.("a/key with blanks", LEASE);
}

describe("the request that releases a lease, for another process", () => {
  it.each<[string, ConnectOptions]>([
    ["an account's key", { accountName: "acme", accountKey: KEY, containerName: "locks" }],
    [
      "a connection string",
      { connectionString: `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=${KEY}`, containerName: "locks" },
    ],
    [
      "a ready client with a key",
      { containerClient: new ContainerClient(URL_OF_CONTAINER, new StorageSharedKeyCredential("acme", KEY)) },
    ],
  ])("is signed with %s, which is not in it", async (_, options) => {
    const request = await requestOf(options);
    expect(request).toEqual({ url: `${URL_OF_BLOB}?comp=lease`, headers: byKey });
    expect(JSON.stringify(request)).not.toContain(KEY);
  });

  it.each<[string, ConnectOptions]>([
    ["the URL of a container", { sasUrl: `${URL_OF_CONTAINER}?sv=1&sig=a%2Bb%2Fc%3D` }],
    [
      "the URL of an account",
      { sasUrl: "https://acme.blob.core.windows.net/?sv=1&sig=a%2Bb%2Fc%3D", containerName: "locks" },
    ],
    [
      "a connection string",
      {
        connectionString: "BlobEndpoint=https://acme.blob.core.windows.net;SharedAccessSignature=sv=1&sig=a%2Bb%2Fc%3D",
        containerName: "locks",
      },
    ],
    [
      "a ready client",
      { containerClient: new ContainerClient(`${URL_OF_CONTAINER}?sv=1&sig=a%2Bb%2Fc%3D`, new AnonymousCredential()) },
    ],
  ])("has the signature of %s as it is", async (_, options) => {
    expect(await requestOf(options)).toEqual({
      url: `${URL_OF_BLOB}?sv=1&sig=a%2Bb%2Fc%3D&comp=lease`,
      headers: release,
    });
  });

  describe.each<[string, (tokens: ReturnType<typeof credential>) => ConnectOptions]>([
    ["a credential", (tokens) => ({ credential: tokens, accountName: "acme", containerName: "locks" })],
    [
      "a ready client",
      (tokens) => {
        const httpClient = { sendRequest: () => Promise.reject(new Error("no network")) };
        const containerClient = new ContainerClient(URL_OF_CONTAINER, tokens, {
          httpClient,
          retryOptions: { maxTries: 1 },
        });
        return { containerClient };
      },
    ],
  ])("of %s", (_, options) => {
    /** Sends a request, for which a token is fetched. */
    async function asked(tokens: ReturnType<typeof credential>) {
      const store = connect(options(tokens));
      await store.prepare?.();
      const before = store.releaseRequest?.("job", LEASE);
      await store.read("job", { signal: AbortSignal.timeout(100) }).catch(() => undefined);
      return { before, after: store.releaseRequest?.("job", LEASE) };
    }

    it("bears the token at hand", async () => {
      const { before, after } = await asked(credential());
      expect(before).toBeUndefined();
      expect(after).toEqual({
        url: `${URL_OF_CONTAINER}/job?comp=lease`,
        headers: { ...release, authorization: "Bearer canarytoken" },
      });
    });

    it("is not to be had with a token that has expired", async () => {
      expect((await asked(credential(500))).after).toBeUndefined();
    });
  });

  it("bears no token in the clear", () => {
    const tokens = { tokenAtHand: "canarytoken" };
    expect(releaseRequest("https://acme.blob.core.windows.net/locks/job", tokens, LEASE)).toBeDefined();
    expect(releaseRequest("http://127.0.0.1:10000/acme/locks/job", tokens, LEASE)).toBeUndefined();
  });

  it.each<[string, ConnectOptions]>([
    ["without a signature", { containerClient: new ContainerClient(URL_OF_CONTAINER) }],
    [
      "that is none of the SDK's",
      {
        containerClient: Object.assign(new ContainerClient(URL_OF_CONTAINER), {
          getBlockBlobClient: () => ({}),
          // biome-ignore lint/suspicious/noExplicitAny: no more of it is used here
        }) as any,
      },
    ],
  ])("is not to be had of a ready client %s", async (_, options) => {
    expect(await requestOf(options)).toBeUndefined();
  });
});
