import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { AccountSASPermissions } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../../src/locks/lock-space.ts";
import { containerName, emulator, enough, proxy, service, tomorrow } from "./storage.ts";

async function locksAndUnlocks(options: MutexOptions): Promise<void> {
  const locker = new AzureMutex(options).locker("job");
  expect(await locker.run((lock) => lock.isHeld)).toBe(true);
}

describe("the URL of a container or of a blob, as the portal copies it,", () => {
  const { accountName, accountKey } = emulator;
  const sas = new URL(service.generateAccountSasUrl(tomorrow, AccountSASPermissions.parse("rcwl"), "sco")).search;

  it.each<[string, (url: string) => MutexOptions]>([
    ["endpoint", (endpoint) => ({ accountName, accountKey, endpoint, containerName: "locks" })],
    [
      "BlobEndpoint",
      (url) => ({ connectionString: proxy.connectionString.replace(proxy.url, url), containerName: "locks" }),
    ],
    [
      "BlobEndpoint with a SAS",
      (url) => ({ connectionString: `BlobEndpoint=${url};SharedAccessSignature=${sas}`, containerName: "locks" }),
    ],
    ["sasUrl", (url) => ({ sasUrl: `${url}${sas}` })],
    ["sasUrl with containerName", (url) => ({ sasUrl: `${url}${sas}`, containerName: "locks" })],
  ])("for %s gives the same lock, or is refused: two never hold one key", async (_, optionsFor) => {
    const held = await new AzureMutex({ connectionString: proxy.connectionString, containerName: "locks" })
      .locker("deploy")
      .lock();
    for (const path of ["/locks", "/locks/", "/locks/deploy", "/locks/deploy/"]) {
      const lockThere = async () => new AzureMutex(optionsFor(`${proxy.url}${path}`)).locker("deploy").tryLock();
      const got = await lockThere().catch((error: unknown) => error);
      if (got !== undefined) expect(got).toBeInstanceOf(TypeError);
    }
    await held.release();
  });
});

describe("a proxy that the environment names", () => {
  const names = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
  ];

  /** What a proxy is asked for by the work, with that variable naming it. */
  async function askedOf(variable: string, work: () => Promise<unknown>): Promise<string[]> {
    const asked: string[] = [];
    const company = createHttpServer(({ method, url }, response) => {
      asked.push(`${method} ${url}`);
      response.writeHead(503).end();
    });
    company.on("connect", ({ url }, socket) => {
      asked.push(`CONNECT ${url}`);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await once(company.listen(0, "127.0.0.1"), "listening");
    const { port } = company.address() as AddressInfo;
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) delete process.env[name];
    process.env[variable] = `http://127.0.0.1:${port}`;
    try {
      await work();
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      company.close();
    }
    return asked;
  }
  const { accountName, accountKey } = emulator;
  const failing = (endpoint: string) => async () => {
    const mutex = new AzureMutex({ accountName, accountKey, endpoint, containerName, allowHttp: true });
    await expect(mutex.locker("job", { tryTimeoutMs: 500 }).tryLock()).rejects.toBeInstanceOf(StoreUnavailableError);
  };

  it.each(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"])(
    "by %s gets nothing that is for this machine",
    async (variable) => {
      expect(
        await askedOf(variable, () => locksAndUnlocks({ connectionString: proxy.connectionString, containerName })),
      ).toEqual([]);
      const signed = service.generateAccountSasUrl(tomorrow, enough.account, "sco");
      expect(await askedOf(variable, () => locksAndUnlocks({ sasUrl: signed, containerName }))).toEqual([]);
      expect(await askedOf(variable, failing("https://localhost:1/devstoreaccount1"))).toEqual([]);
    },
  );

  it.each(["HTTP_PROXY", "HTTPS_PROXY"])("by %s gets no signed request that travels in the clear", async (variable) => {
    expect(await askedOf(variable, failing("http://azurite.invalid:10000/devstoreaccount1"))).toEqual([]);
  });

  it("is used for an endpoint of another machine, through a tunnel", async () => {
    const asked = await askedOf("HTTPS_PROXY", failing("https://devstoreaccount1.blob.core.windows.net"));
    expect(new Set(asked)).toEqual(new Set(["CONNECT devstoreaccount1.blob.core.windows.net:443"]));
  });
});

describe("a lock is held and given back by way of", () => {
  it("account name and key", () =>
    locksAndUnlocks({
      accountName: emulator.accountName,
      accountKey: emulator.accountKey,
      endpoint: proxy.url,
      containerName,
    }));

  it("a connection string", () => locksAndUnlocks({ connectionString: proxy.connectionString, containerName }));

  it("a connection string with a SAS", () => {
    const sas = new URL(service.generateAccountSasUrl(tomorrow, enough.account, "sco")).search;
    return locksAndUnlocks({
      connectionString: `BlobEndpoint=${proxy.url};SharedAccessSignature=${sas}`,
      containerName,
    });
  });

  it("the SAS URL of an account", () =>
    locksAndUnlocks({ sasUrl: service.generateAccountSasUrl(tomorrow, enough.account, "sco"), containerName }));

  it("the SAS URL of a container", async () => {
    await service.getContainerClient("sas-only").create();
    const sasUrl = await service
      .getContainerClient("sas-only")
      .generateSasUrl({ expiresOn: tomorrow, permissions: enough.container });
    await locksAndUnlocks({ sasUrl });
  });

  it("a ready container client, whose own retries are left off", async () => {
    const client = service.getContainerClient(containerName);
    await locksAndUnlocks({ containerClient: client });
    proxy.serverBusy("acquire", { times: 1 });
    proxy.forgetRequests();
    const began = performance.now();
    // A try that a busy machine leaves unanswered would be counted too.
    await locksAndUnlocks({ containerClient: client, tryTimeoutMs: 7_000 });
    expect(proxy.count("acquire")).toBe(2);
    // The client's own first retry comes at once; ours is spread over 100 to 200 ms.
    expect(performance.now() - began).toBeGreaterThanOrEqual(95);
  });
});

describe("keys", () => {
  it.each([
    "plain",
    "tenants/42/import",
    "Größe 🔒",
    "a b?c#d%2Fe&f=g+h",
    "100%",
    "a//b",
    "/a",
    ".hidden/x",
    "~tilde'quote\"double",
    "e\u0301 and \u00e9",
    "x".repeat(1_024),
    `${"s/".repeat(253)}s`,
  ])("name their blob to the letter: %j", async (key) => {
    const mutex = new AzureMutex({ connectionString: proxy.connectionString, containerName: "keys" });
    await mutex.locker(key).run(async () => {
      expect(await mutex.inspect(key)).toMatchObject({ key, isHeld: true });
      const names: string[] = [];
      for await (const { key: name } of mutex.list({ prefix: key })) names.push(name);
      expect(names).toEqual([key]);
    });
  });

  it("leave the content and the metadata of a blob that bears their name untouched", async () => {
    const container = service.getContainerClient("keys");
    await container.createIfNotExists();
    const blob = container.getBlockBlobClient("precious.txt");
    const metadata = { OwnerTeam: "billing", flag: "", odd: '"a  b" %20 <&>' };
    await blob.upload("precious", 8, { metadata, tags: {} });
    const before = await blob.getProperties();
    await new AzureMutex({ connectionString: proxy.connectionString, containerName: "keys" })
      .locker("precious.txt")
      .run(() => undefined);
    const after = await blob.getProperties();
    expect((await blob.downloadToBuffer()).toString()).toBe("precious");
    for await (const { metadata: { azmutex, azmutex_kind: kind, ...others } = {} } of container.listBlobsFlat({
      prefix: "precious",
      includeMetadata: true,
    })) {
      expect(azmutex).toBeDefined();
      expect(kind).toBe("lock");
      expect(others).toEqual(metadata);
    }
    expect(after.createdOn).toEqual(before.createdOn);
    await new AzureMutex({ connectionString: proxy.connectionString, containerName: "keys" })
      .locker("precious.txt", { fencing: false })
      .run(() => undefined);
    expect((await blob.getProperties()).etag).toBe(after.etag);
  });
});
