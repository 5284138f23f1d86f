import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { ContainerClient, type StoragePipelineOptions } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { HTTP } from "../../lab/shared/wire/http.ts";
import { commandBytes, RESP } from "../../lab/shared/wire/resp.ts";
import { type Emulator, startEmulator } from "../../src/testing/emulator.ts";
import { gate } from "../support/gate.ts";

const ONCE: StoragePipelineOptions = { retryOptions: { maxTries: 1 } };

let emulator: Emulator;
let proxy: FaultProxy;

beforeAll(async () => {
  emulator = await startEmulator();
  proxy = await FaultProxy.start(emulator);
});

afterEach(() => proxy.heal());

afterAll(async () => {
  await proxy.close();
  await emulator.close();
});

/** The same blob, by way of the proxy and past it. */
async function setup() {
  const name = `c${randomUUID()}`;
  const straight = new ContainerClient(emulator.connectionString, name, ONCE);
  await straight.create();
  await straight.getBlockBlobClient("key").upload("", 0);
  const proxied = new ContainerClient(proxy.connectionString, name, ONCE);
  proxy.forgetRequests();
  const lease = proxied.getBlobClient("key").getBlobLeaseClient(randomUUID());
  const leaseState = async () => (await straight.getBlobClient("key").getProperties()).leaseState;
  return { container: proxied, blob: proxied.getBlockBlobClient("key"), lease, leaseState };
}

describe("FaultProxy", () => {
  it("passes requests on, signatures and all, and knows them by name", async () => {
    const { container, blob, lease } = await setup();
    const other = new ContainerClient(proxy.connectionString, `c${randomUUID()}`, ONCE);
    await other.create();
    await other.delete();
    await blob.upload("x", 1);
    await container
      .getBlockBlobClient("a/b ü?")
      .upload("", 0, { conditions: { ifNoneMatch: "*" }, metadata: { note: "a b" } });
    await lease.acquireLease(15);
    await lease.renewLease();
    await lease.changeLease(randomUUID());
    expect(await blob.getProperties()).toMatchObject({ leaseState: "leased", contentLength: 1 });
    await blob.setMetadata({ a: "1" }, { conditions: { leaseId: lease.leaseId } });
    const names: string[] = [];
    for await (const { name } of container.listBlobsFlat()) names.push(name);
    expect(names).toEqual(["a/b ü?", "key"]);
    await lease.breakLease(10);
    await lease.releaseLease();
    await blob.delete();
    await expect(blob.getProperties()).rejects.toMatchObject({ statusCode: 404 });
    expect(proxy.requests.map(({ operation }) => operation)).toEqual([
      ...[
        "createContainer",
        "deleteContainer",
        "putBlob",
        "create",
        "acquire",
        "renew",
        "change",
        "read",
        "writeMetadata",
        "list",
      ],
      ...["break", "release", "deleteBlob", "read"],
    ]);
    expect(proxy.count("read")).toBe(2);
    expect(proxy.count()).toBe(14);
  });

  it("cuts the connection before the request arrives", async () => {
    const { lease, leaseState } = await setup();
    proxy.reset("acquire", { times: 1 });
    await expect(lease.acquireLease(15)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await leaseState()).toBe("available");
    await lease.acquireLease(15);
  });

  it("drops the answer to what was done", async () => {
    const { lease, leaseState } = await setup();
    proxy.dropAnswer("acquire", { times: 1 });
    await expect(lease.acquireLease(15)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await leaseState()).toBe("leased");
  });

  it("hangs until the client gives up, and does nothing then", async () => {
    const { lease, leaseState } = await setup();
    proxy.hang(["acquire", "release"]);
    const client = new AbortController();
    const asking = expect(lease.acquireLease(15, { abortSignal: client.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    // One that is gone before its request was sent proves nothing.
    await expect.poll(() => proxy.count("acquire")).toBe(1);
    client.abort();
    await asking;
    proxy.heal();
    await proxy.quiet();
    expect(await leaseState()).toBe("available");
  });

  it("hangs after it did what was asked, until it is healed", async () => {
    const { lease, leaseState } = await setup();
    proxy.hangAfter("acquire");
    const acquired = lease.acquireLease(15).catch((error: unknown) => error);
    await expect.poll(leaseState).toBe("leased");
    proxy.heal();
    expect(await acquired).toMatchObject({ code: "ECONNRESET" });
  });

  it("forwards a delayed request although its client has gone", async () => {
    const { lease, leaseState } = await setup();
    const due = gate();
    proxy.delay("acquire", due.opened);
    const client = new AbortController();
    const asking = expect(lease.acquireLease(15, { abortSignal: client.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    await expect.poll(() => proxy.count("acquire")).toBe(1);
    client.abort();
    await asking;
    expect(await leaseState()).toBe("available");
    due.open();
    await expect.poll(leaseState).toBe("leased");
  });

  it("delays an answer, or everything", async () => {
    const { blob } = await setup();
    proxy.delayAnswer("read", 60, { times: 1 });
    let before = performance.now();
    await blob.getProperties();
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
    proxy.latency(60);
    before = performance.now();
    await blob.getProperties();
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
  });

  it("lets a request arrive twice, and does not tell what came of it the second time", async () => {
    const { lease, leaseState } = await setup();
    const due = gate();
    proxy.duplicate("acquire", due.opened, { times: 1 });
    await lease.acquireLease(15);
    await lease.releaseLease();
    expect(await leaseState()).toBe("available");
    due.open();
    await expect.poll(leaseState).toBe("leased");
  });

  it("strikes only when it is told to, and ends one fault without the others", async () => {
    const { blob } = await setup();
    let isDue = false;
    const endOfCut = proxy.reset("read", { when: () => isDue });
    await blob.getProperties();
    isDue = true;
    await expect(blob.getProperties()).rejects.toMatchObject({ code: "ECONNRESET" });
    const endOfHang = proxy.hang("read", { after: 1 });
    endOfCut();
    await blob.getProperties();
    const hanging = blob.getProperties().catch((error: unknown) => error);
    await expect.poll(() => proxy.count("read")).toBe(4);
    endOfHang();
    expect(await hanging).toMatchObject({ code: "ECONNRESET" });
    await blob.getProperties();
  });

  it("is busy, and says for how long", async () => {
    const { lease } = await setup();
    proxy.serverBusy("acquire", { after: 1, times: 1, retryAfterSeconds: 7 });
    await lease.acquireLease(15);
    const error = await lease.acquireLease(15).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ statusCode: 503, code: "ServerBusy" });
    expect(
      (error as { response: { headers: { get(name: string): string } } }).response.headers.get("retry-after"),
    ).toBe("7");
    await lease.acquireLease(15);
  });

  it("answers as a gateway would, and passes nothing on", async () => {
    const { lease, leaseState } = await setup();
    proxy.gateway("acquire", 404, { times: 1 });
    const error = await lease.acquireLease(15).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ statusCode: 404 });
    expect(error).not.toHaveProperty("code", expect.stringMatching(/BlobNotFound|ContainerNotFound/));
    expect(await leaseState()).toBe("available");
    await lease.acquireLease(15);
    expect(await leaseState()).toBe("leased");
  });

  it("cuts no connection of a client because the service closes one for being idle", async () => {
    const service = createServer((request, response) => response.end(() => request.socket.end())).listen(0);
    await once(service, "listening");
    await using another = await FaultProxy.start({ port: (service.address() as AddressInfo).port });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const isReused of [false, true, true]) {
      const asked = get({ port: another.port, agent });
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      await once(answer.resume(), "end");
      expect(asked.reusedSocket).toBe(isReused);
      // Until the proxy has heard that its own connection is closed.
      await another.quiet();
    }
    agent.destroy();
    service.close();
  });

  it("spares an answer that settles nothing, and strikes the next", async () => {
    const { container, lease } = await setup();
    const { struck } = proxy.dropAnswer("acquire", { times: 1, spares: HTTP.isRepeated });
    const absent = container.getBlobClient("absent").getBlobLeaseClient(randomUUID());
    await expect(absent.acquireLease(15)).rejects.toMatchObject({ statusCode: 404 });
    expect(proxy.hasStruck).toBe(false);
    await expect(lease.acquireLease(15)).rejects.toMatchObject({ code: "ECONNRESET" });
    await struck;
    expect(proxy.hasStruck).toBe(true);
    await lease.renewLease();
  });

  it("cuts the network with a request, and mends it", async () => {
    const { blob } = await setup();
    proxy.cutBy("read", { times: 1 });
    await expect(blob.getProperties()).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(blob.getProperties()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await proxy.mend();
    await blob.getProperties();
  });

  it("passes bytes as they come, each later, and counts the requests in them", async () => {
    const service = createTcpServer((socket) => socket.pipe(socket)).listen(0);
    await once(service, "listening");
    const { port } = service.address() as AddressInfo;
    await using another = await FaultProxy.start({ port }, { protocol: RESP, bytesLateMs: 30 });
    const client = connect(another.port);
    const before = performance.now();
    const commands = commandBytes(["SET", "a", "1"]) + commandBytes(["GET", "a"]);
    client.write(commands);
    const [echo] = (await once(client, "data")) as [Buffer];
    expect(performance.now() - before).toBeGreaterThanOrEqual(29);
    expect(echo.toString()).toBe(commands);
    expect(another.arrived).toBe(2);
    client.destroy();
    service.close();
  });

  it("closes with requests hanging", async () => {
    await using another = await FaultProxy.start(emulator);
    another.hang("all");
    const container = new ContainerClient(another.connectionString, "absent", ONCE);
    const refused = container.exists().catch((error: unknown) => error);
    await expect.poll(() => another.count()).toBe(1);
    await another.close();
    expect(await refused).toMatchObject({ code: "ECONNRESET" });
  });
});
