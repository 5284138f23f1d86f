import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { DefaultAzureCredential } from "@azure/identity";
import {
  AccountSASPermissions,
  BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import { AccessDeniedError, isMutexError, StoreUnavailableError } from "../../src/errors.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../src/locks/lock-space.ts";
import { LeaderElection } from "../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../src/recipes/semaphore/semaphore.ts";
import { ownTime } from "../support/own-time.ts";
import { everythingPrinted } from "../support/printed.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const { emulator, proxy } = storage;
afterAll(() => storage[Symbol.asyncDispose]());

const service = new BlobServiceClient(
  proxy.url,
  new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
);
const containerName = "ways-in";
const tomorrow = new Date(Date.now() + 86_400_000);

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

/** What the README says of permissions, by the letters of a SAS. */
const enough = { container: ContainerSASPermissions.parse("rcwl"), account: AccountSASPermissions.parse("rcwl") };

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

describe("the permissions in the README suffice, and no less does", () => {
  const container = service.getContainerClient("least");
  const mutexWith = async (permissions: string): Promise<AzureMutex> => {
    await container.createIfNotExists();
    return new AzureMutex({
      sasUrl: await container.generateSasUrl({
        expiresOn: tomorrow,
        permissions: ContainerSASPermissions.parse(permissions),
      }),
    });
  };

  it("w for locks without fencing, and for acquire, renew and release", async () => {
    const mutex = await mutexWith("w");
    await mutex.locker("plain", { fencing: false }).run(() => undefined);
    await mutex.acquire("by-hand", 15);
    await mutex.renew("by-hand");
    await mutex.release("by-hand");
    await expect((await mutexWith("rl")).locker("plain", { fencing: false }).lock()).rejects.toBeInstanceOf(
      AccessDeniedError,
    );
  });

  it("rw for locks with fencing, on blobs that exist or do not, and for break", async () => {
    const mutex = await mutexWith("rw");
    await mutex.locker("fenced").run(() => undefined);
    await mutex.locker("plain").run(() => undefined);
    await mutex.acquire("by-hand", 15);
    expect(await mutex.break("by-hand", { periodSeconds: 0 })).toMatchObject({ outcome: "broken" });
    await expect((await mutexWith("w")).locker("by-hand").lock()).rejects.toBeInstanceOf(AccessDeniedError);
  });

  it("r for inspect, l for who waits, holds permits and reads, and for list", async () => {
    const permit = await new Semaphore(await mutexWith("rwl"), "permits", { permits: 2 }).acquire();
    const reading = await new ReaderWriterLock(await mutexWith("rw"), "index").read.lock();
    for (const key of ["permits", "index"]) {
      const readable = await (await mutexWith("r")).inspect(key);
      for (const name of ["waiting", "semaphore", "readers"]) expect(readable).not.toHaveProperty(name);
      expect(readable).toMatchObject({ isHeld: false, state: "available" });
    }
    const listing = await mutexWith("rl");
    expect(await listing.inspect("permits")).toMatchObject({
      isHeld: false,
      waiting: [],
      semaphore: { permits: 2, held: [{ slot: 0 }] },
    });
    expect(await listing.inspect("index")).toMatchObject({
      isHeld: false,
      waiting: [],
      readers: [{ state: "leased" }],
    });
    expect(await (await mutexWith("rw")).break("permits", { permit: 0, periodSeconds: 0 })).toMatchObject({
      outcome: "broken",
    });
    const { holder } = (await listing.inspect("index")).readers?.[0] ?? {};
    expect(
      await (await mutexWith("wl")).break("index", { reader: holder?.name as string, periodSeconds: 0 }),
    ).toMatchObject({
      outcome: "broken",
      holder,
    });
    for (const held of [permit, reading]) await held.release().catch(() => undefined);
    const keys: string[] = [];
    for await (const { key } of (await mutexWith("l")).list()) keys.push(key);
    expect(keys).toContain("permits");
  });

  it("rw to lead, r to see who does", async () => {
    const leadership = await new LeaderElection(await mutexWith("rw"), "office").campaign();
    expect(await new LeaderElection(await mutexWith("r"), "office").leader()).toMatchObject({ term: leadership.term });
    await leadership.resign();
    await expect(new LeaderElection(await mutexWith("r"), "office").campaign()).rejects.toBeInstanceOf(
      AccessDeniedError,
    );
  });

  it("rwl for a semaphore, wl for one without fencing", async () => {
    const semaphore = async (permissions: string, fencing: boolean) =>
      new Semaphore(await mutexWith(permissions), `permits ${fencing}`, { permits: 2, fencing });
    for (const [permissions, fencing] of [
      ["rwl", true],
      ["wl", false],
    ] as const) {
      await (await semaphore(permissions, fencing)).run(() => undefined);
      await (await semaphore(permissions, fencing)).run(() => undefined);
    }
    await expect((await semaphore("rw", true)).acquire()).rejects.toBeInstanceOf(AccessDeniedError);
    await expect((await semaphore("rl", false)).acquire()).rejects.toBeInstanceOf(AccessDeniedError);
  });

  it("rw to read under a reader-writer lock, rwl to write", async () => {
    await new ReaderWriterLock(await mutexWith("rw"), "config").read.run(() => undefined);
    await new ReaderWriterLock(await mutexWith("rwl"), "config").write.run(() => undefined);
    await expect(new ReaderWriterLock(await mutexWith("rw"), "config").write.lock()).rejects.toBeInstanceOf(
      AccessDeniedError,
    );
    await expect(new ReaderWriterLock(await mutexWith("w"), "config").read.lock()).rejects.toBeInstanceOf(
      AccessDeniedError,
    );
  });

  it("rwdl for a fair queue", async () => {
    const here = (await mutexWith("rwdl")).locker("queued", { fair: true });
    const there = (await mutexWith("rwdl")).locker("queued", { fair: true });
    const lock = await here.lock();
    proxy.forgetRequests();
    const waiting = there.lock();
    // Its ticket.
    await expect.poll(() => proxy.count("create")).toBe(1);
    await lock.release();
    await (await waiting).release();
  });

  it("c on containers, of an account, for a container that is missing", async () => {
    const url = (resources: string) =>
      service.generateAccountSasUrl(tomorrow, AccountSASPermissions.parse("rcw"), resources);
    await new AzureMutex({ sasUrl: url("co"), containerName: "made-by-sas" }).locker("job").run(() => undefined);
    await expect(new AzureMutex({ sasUrl: url("o"), containerName: "not-made" }).locker("job").lock()).rejects.toThrow(
      /create the container/,
    );
  });
});

describe("a refusal of the credentials", () => {
  const wrongKey = Buffer.from("a wrong key that is a canary").toString("base64");

  it("is AccessDeniedError, at once, for a wrong key", async () => {
    const mutex = new AzureMutex({
      accountName: emulator.accountName,
      accountKey: wrongKey,
      endpoint: proxy.url,
      containerName,
    });
    const locker = mutex.locker("job");
    for (const call of [
      () => locker.lock(),
      () => locker.tryLock(),
      () => locker.run(() => undefined),
      () => mutex.acquire("job", 15),
      () => mutex.inspect("job"),
      () => mutex.break("job"),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(AccessDeniedError);
    }
  });

  it("is AccessDeniedError for an expired SAS, and shows no signature", async () => {
    const url = service.generateAccountSasUrl(new Date(Date.now() - 1_000), enough.account, "sco");
    const log: string[] = [];
    const error = await new AzureMutex({ sasUrl: url, containerName, log: (line) => log.push(line) })
      .locker("job")
      .lock()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AccessDeniedError);
    const signature = new URL(url).searchParams.get("sig") as string;
    for (const form of [signature, encodeURIComponent(signature)])
      expect(everythingPrinted(error) + log.join("\n")).not.toContain(form);
  });

  it("is AccessDeniedError when no token is to be had", async () => {
    const refusing = {
      getToken: async () => {
        throw Object.assign(new Error("no identity here\nclient_secret=canary"), {
          name: "CredentialUnavailableError",
        });
      },
    };
    const mutex = new AzureMutex({ credential: refusing, endpoint: "https://127.0.0.1:1", containerName });
    const error = await mutex
      .locker("job")
      .lock()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AccessDeniedError);
    expect(everythingPrinted(error)).not.toContain("canary");
  });

  it("takes a credential of @azure/identity, and asks it for a token for storage", async () => {
    const asked: unknown[] = [];
    const credential = {
      getToken: async (scopes: string | string[]) => {
        asked.push(scopes);
        return { token: "canary", expiresOnTimestamp: Date.now() + 3_600_000 };
      },
    };
    const options: MutexOptions = { credential: new DefaultAzureCredential(), accountName: "acme", containerName };
    expect(new AzureMutex(options)).toBeInstanceOf(AzureMutex);
    const mutex = new AzureMutex({ credential, endpoint: "https://127.0.0.1:1", containerName });
    const error = await mutex
      .locker("job")
      .tryLock()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(asked.flat()[0]).toBe("https://storage.azure.com/.default");
    expect(everythingPrinted(error)).not.toContain("canary");
  });
});

describe("a source of tokens that takes longer than a request may", () => {
  it("is not given up with the request that asked, and the next request has the token", async () => {
    let asked = 0;
    const slow = {
      // As those of @azure/identity do.
      getToken: async (_scopes: string | string[], { abortSignal: signal }: { abortSignal?: AbortSignal } = {}) => {
        asked += 1;
        await sleep(600, undefined, { signal });
        return { token: "canary", expiresOnTimestamp: Date.now() + 3_600_000 };
      },
    };
    // Nothing listens there: with a token a request can be sent, and is refused.
    const mutex = new AzureMutex({
      credential: slow,
      endpoint: "https://127.0.0.1:1",
      containerName,
      tryTimeoutMs: 300,
    });
    await expect(mutex.break("job")).rejects.toThrow("ECONNREFUSED");
    expect(asked).toBe(1);
  });
});

describe("a service that is not there", () => {
  it.each([
    ["refuses connections", async () => ({ url: "http://127.0.0.1:1/devstoreaccount1", close: () => undefined })],
    [
      "never answers",
      async () => {
        const server = createServer(() => undefined).listen(0, "127.0.0.1");
        await once(server, "listening");
        const address = server.address();
        return {
          url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/devstoreaccount1`,
          close: () => server.close(),
        };
      },
    ],
    [
      "has no such name",
      async () => ({ url: "http://no-such-host.localhost/devstoreaccount1", close: () => undefined }),
    ],
  ])("and %s is StoreUnavailableError after unreachableAfterMs, and no secret is shown", async (_, start) => {
    const { url, close } = await start();
    const log: string[] = [];
    const { accountName, accountKey } = emulator;
    const mutex = new AzureMutex({
      accountName,
      accountKey,
      endpoint: url,
      containerName,
      log: (line) => log.push(line),
    });
    const locker = mutex.locker("job", { tryTimeoutMs: 200, unreachableAfterMs: 1_000 });
    const began = performance.now();
    const ownBegan = ownTime.now();
    const error = await locker.lock().catch((thrown: unknown) => thrown);
    const took = performance.now() - began;
    const ownTook = ownTime.now() - ownBegan;
    close();
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ key: "job", answered: false });
    // The clock that counts suspend does so in hundredths of a second, and whichever clock is ahead decides.
    expect(took).toBeGreaterThanOrEqual(980);
    expect(ownTook).toBeLessThan(5_000);
    expect(everythingPrinted(error) + log.join("\n")).not.toContain(emulator.accountKey);
    expect(isMutexError((error as Error).cause)).toBe(true);
  });

  it("leaves nothing of the account's key in a mutex or a locker that is printed", () => {
    const mutex = new AzureMutex({ connectionString: proxy.connectionString, containerName });
    const locker = mutex.locker("job");
    for (const printed of [
      inspect(mutex, { depth: 10, showHidden: true }),
      inspect(locker, { depth: 10, showHidden: true }),
      JSON.stringify(mutex),
    ]) {
      expect(printed).not.toContain(emulator.accountKey);
    }
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

describe("a shared access signature that has expired", () => {
  it("is named as the reason, whatever was asked", async () => {
    const container = service.getContainerClient("expired");
    const expiresOn = new Date("2026-01-02T03:04:05Z");
    const sasUrl = await container.generateSasUrl({
      startsOn: new Date(0),
      expiresOn,
      permissions: ContainerSASPermissions.parse("rwl"),
    });
    const mutex = new AzureMutex({ sasUrl });
    const ready = new AzureMutex({ containerClient: new ContainerClient(sasUrl) });
    const listed = async () => {
      for await (const _ of mutex.list());
    };
    for (const asked of [
      () => mutex.inspect("k"),
      () => mutex.acquire("k", 15),
      listed,
      () => ready.acquire("k", 15),
    ]) {
      await expect(asked()).rejects.toMatchObject({
        code: "ACCESS_DENIED",
        message: expect.stringMatching(
          / in \S+\/devstoreaccount1\/expired: .*\(the SAS expired at 2026-01-02T03:04:05Z\)$/,
        ),
      });
    }
  });
});
