import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ContainerClient, ContainerSASPermissions, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { spaceOf } from "../../src/locks/mutex.ts";
import { thisProcess } from "../../src/locks/shutdown/ending-process.ts";
import { releaseAtExit } from "../../src/locks/shutdown/release-at-exit.ts";
import type { LeaseStore } from "../../src/store/lease-store.ts";
import { MemoryLeaseStore, startEmulator } from "../../src/testing/index.ts";

// In a thread of its own, which goes on while this one waits for the other process.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

const log: string[] = [];
const { accountName, accountKey, connectionString } = emulator;
const credential = new StorageSharedKeyCredential(accountName, accountKey);

async function newContainer(): Promise<ContainerClient> {
  const container = new ContainerClient(`${emulator.url}/c${randomUUID()}`, credential, {
    retryOptions: { maxTries: 1 },
  });
  await container.create();
  return container;
}

const mutexOf = ({ containerName }: ContainerClient): AzureMutex =>
  new AzureMutex({ connectionString, containerName, log: (line) => log.push(line) });

const KEYS = ["job", "a/b c", "grüße/50%+1", "locks/job"];

/**
 * How long the test waits for a child whose requests it counts, in milliseconds. How many a machine answers in 2 s
 * depends on its load.
 */
const PATIENCE_MS = 60_000;

/** The child's program, which gives its requests as long. */
const patient = (code: string): string => code.replaceAll("timeout: 2000", `timeout: ${PATIENCE_MS}`);

/** The request that would release the lease. */
function requestOf(store: LeaseStore, key: string, leaseId: string): { url: string; headers: Record<string, string> } {
  const request = store.releaseRequest?.(key, leaseId);
  if (!request) throw new Error("there is no request");
  return { url: request.url, headers: { ...request.headers } };
}

describe("leases released by another process at the end of this one", () => {
  it.each(KEYS)('are free at once, with the key of the account: "%s"', async (key) => {
    const container = await newContainer();
    const mutex = mutexOf(container);
    await mutex.locker(key).lock();
    await mutex.acquire(`${key} by hand`, "infinite");
    expect(releaseAtExit(thisProcess, [spaceOf(mutex)])).toBe(true);
    const other = mutexOf(container);
    expect(await other.locker(key).tryLock()).toMatchObject({ isHeld: true });
    expect(await other.inspect(`${key} by hand`)).toMatchObject({ isHeld: false });
  });

  it("are free at once, with a shared access signature", async () => {
    const container = await newContainer();
    const expiresOn = new Date(Date.now() + 3_600_000);
    const sasUrl = await container.generateSasUrl({ expiresOn, permissions: ContainerSASPermissions.parse("rcwdl") });
    const url = new URL(sasUrl);
    const signed = `BlobEndpoint=${emulator.url};SharedAccessSignature=${url.search.slice(1)}`;
    for (const options of [{ sasUrl }, { connectionString: signed, containerName: container.containerName }]) {
      const mutex = new AzureMutex(options);
      await mutex.locker("job").lock();
      expect(releaseAtExit(thisProcess, [spaceOf(mutex)])).toBe(true);
      expect(await mutex.inspect("job")).toMatchObject({ isHeld: false });
    }
  });

  it("are two hundred, too", async () => {
    const container = await newContainer();
    // None of its requests is given up, and sent again, on a busy machine.
    const mutex = new AzureMutex({ containerClient: container, tryTimeoutMs: 14_000 });
    const keys = Array.from({ length: 200 }, (_, index) => `job ${index}`);
    await Promise.all(keys.map((key) => mutex.locker(key, { fencing: false, leaseSeconds: 60 }).lock()));
    const runNode = (code: string, input: string) => thisProcess.runNode(patient(code), input, PATIENCE_MS);
    expect(releaseAtExit({ runNode }, [spaceOf(mutex)])).toBe(true);
    for await (const { isHeld } of mutex.list()) expect(isHeld).toBe(false);
  });

  it("are asked for fifty at a time, each once", async () => {
    const waiting: ServerResponse[] = [];
    const atOnce: number[] = [];
    const arrived: string[] = [];
    const sockets = new Set<unknown>();
    // Answers when fifty requests wait for an answer, and not before: fewer at a time would wait for ever.
    const server = createServer((request, response) => {
      arrived.push(request.url ?? "");
      sockets.add(request.socket);
      if (waiting.push(response) < 50) return;
      atOnce.push(waiting.length);
      for (const one of waiting.splice(0)) one.writeHead(200, { "x-ms-request-id": "1" }).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const store = {
      releaseRequest: (name: string) => ({ url: `http://127.0.0.1:${port}/${name}`, headers: {} }),
    } as unknown as LeaseStore;
    const standing = Array.from({ length: 200 }, (_, index) => ({ name: `${index}`, leaseId: "id" }));
    let child: ChildProcess | undefined;
    const runNode = (code: string, input: string): number => {
      // Not at once, as the server answers in this very thread.
      child = spawn(process.execPath, ["--eval", patient(code)], { stdio: ["pipe", "ignore", "inherit"] });
      child.stdin?.end(input);
      return 0;
    };
    try {
      releaseAtExit({ runNode }, [{ store, standing }]);
      expect(await once(child as ChildProcess, "exit")).toEqual([0, null]);
    } finally {
      child?.kill("SIGKILL");
      server.close();
    }
    expect(arrived.toSorted()).toEqual(standing.map(({ name }) => `/${name}`).toSorted());
    expect({ atOnce, sockets: sockets.size }).toEqual({ atOnce: [50, 50, 50, 50], sockets: 50 });
  });

  it("leave a lock alone that another process has taken meanwhile", async () => {
    const container = await newContainer();
    const [slow, other] = [mutexOf(container), mutexOf(container)];
    await slow.locker("job").lock();
    await other.break("job", { periodSeconds: 0 });
    expect([...spaceOf(slow).standing]).toHaveLength(1);
    const lock = await other.locker("job").lock();
    // It does not know yet, and the service's refusal is an answer.
    expect(releaseAtExit(thisProcess, [spaceOf(slow)])).toBe(true);
    expect(await other.inspect("job")).toMatchObject({ isHeld: true });
    await lock.release();
  });

  it("serve for nothing but that release, where the account's key signs them", async () => {
    const container = await newContainer();
    const mutex = mutexOf(container);
    const [lock, another] = [await mutex.locker("job").lock(), await mutex.locker("another").lock()];
    const { url, headers } = requestOf(spaceOf(mutex).store, "job", lock.leaseId);
    const send = async (to: string, changed: Record<string, string> = {}, method = "PUT") =>
      (await fetch(to, { method, headers: { ...headers, ...changed } })).status;
    expect(await send(url, { "x-ms-lease-id": another.leaseId })).toBe(403);
    expect(await send(url, { "x-ms-lease-action": "renew" })).toBe(403);
    expect(await send(url.replace("/job?", "/another?"), {})).toBe(403);
    expect(await send(url.replace("?comp=lease", ""), {}, "DELETE")).toBe(403);
    expect([lock.isHeld, (await mutex.inspect("job")).isHeld]).toEqual([true, true]);
    expect(await send(url)).toBe(200);
    expect(await send(url)).toBe(409);
  });

  it("are said to stand where the service does not answer, or something else does", async () => {
    const container = await newContainer();
    const mutex = mutexOf(container);
    const lock = await mutex.locker("job").lock();
    const { url, headers } = requestOf(spaceOf(mutex).store, "job", lock.leaseId);
    const standing = [{ name: "job", leaseId: lock.leaseId }];
    for (const other of ["http://127.0.0.1:1/", url.replace("/job?", "/another?").replace("=lease", "=metadata")]) {
      const store = { releaseRequest: () => ({ url: other, headers }) } as unknown as LeaseStore;
      expect(releaseAtExit(thisProcess, [{ store, standing }])).toBe(false);
    }
    // There is no request to be had of it.
    expect(releaseAtExit(thisProcess, [{ store: new MemoryLeaseStore(), standing }])).toBe(false);
    expect(await mutex.inspect("job")).toMatchObject({ isHeld: true });
    expect(log.join()).not.toMatch(/SharedKey|sig=/);
  });
});
