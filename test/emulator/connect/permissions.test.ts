import { DefaultAzureCredential } from "@azure/identity";
import { AccountSASPermissions, ContainerClient, ContainerSASPermissions } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { AccessDeniedError, StoreUnavailableError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../../src/locks/lock-space.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { Once } from "../../../src/recipes/once/once.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { everythingPrinted } from "../../support/printed.ts";
import { containerName, emulator, enough, proxy, service, tomorrow } from "./storage.ts";

describe("the permissions in docs/permissions.md suffice, and no less does", () => {
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

  it("rw for Once, and d to forget a job's last slot", async () => {
    const once = new Once(await mutexWith("rw"), "nightly");
    expect((await once.run(1, () => undefined)).outcome).toBe("ran");
    expect((await once.run(1, () => undefined)).outcome).toBe("alreadyDone");
    await expect(once.forget()).rejects.toBeInstanceOf(AccessDeniedError);
    await new Once(await mutexWith("rwd"), "nightly").forget();
    expect(await once.last()).toBeUndefined();
    await expect(new Once(await mutexWith("w"), "nightly").run(1, () => undefined)).rejects.toBeInstanceOf(
      AccessDeniedError,
    );
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
          /\/devstoreaccount1\/expired: .*\(the SAS expired at 2026-01-02T03:04:05Z\); azmutex doctor says more$/,
        ),
      });
    }
  });
});
