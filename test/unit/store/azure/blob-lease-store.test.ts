import { describe, expect, it } from "vitest";
import { AccessDeniedError, StoreUnavailableError } from "../../../../src/errors.ts";
import { BlobLeaseStore } from "../../../../src/store/azure/blob-lease-store.ts";
import { A, B, KEY, type StoreUnderTest } from "../../../../src/testing/contract/store-under-test.ts";
import { describeLeaseStore } from "../../../../src/testing/describe-lease-store.ts";
import { FakeClock } from "../../../../src/testing/index.ts";
import { type Answer, type Operation, ServiceDouble } from "../../../support/service-double.ts";

function setup(): StoreUnderTest {
  const clock = new FakeClock();
  const service = new ServiceDouble(clock);
  const { memory } = service;
  return {
    store: new BlobLeaseStore(async () => service.client()),
    advance: (ms) => clock.advance(ms),
    foreign: {
      putBlob: async (key, options) => (await memory.putBlob(key, options)).kind === "written",
      deleteBlob: async (key, options) => (await memory.remove(key, options)).kind === "removed",
      deleteContainer: () => memory.deleteContainer(),
    },
  };
}

describeLeaseStore("BlobLeaseStore through the SDK", setup, { describe, it, expect });

/** A store whose service answers one operation otherwise than it should, and a blob that is there. */
async function answering(operation: Operation, instead: (answer: Answer) => Answer): Promise<BlobLeaseStore> {
  const service = new ServiceDouble(new FakeClock(), {
    middleman: async (serve, asked) => (asked.operation === operation ? instead(await serve()) : await serve()),
  });
  await service.memory.createContainer();
  await service.memory.create(KEY, {});
  return new BlobLeaseStore(async () => service.client());
}

function without(header: string): (answer: Answer) => Answer {
  return ({ headers, ...answer }) => ({
    ...answer,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== header)),
  });
}

const ofAnother = (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, "x-ms-lease-id": B } });

describe("a grant", () => {
  it("that bears another's lease id is none: a lease is believed only under its own id", async () => {
    expect(await (await answering("acquire", ofAnother)).acquire(KEY, A, 15)).toMatchObject({ kind: "held" });
    const renewing = await answering("renew", ofAnother);
    await renewing.acquire(KEY, A, 15);
    expect(await renewing.renew(KEY, A)).toMatchObject({ kind: "refused", why: "taken" });
  });

  it.each(["x-ms-lease-id", "etag", "last-modified", "date"])(
    "without %s leaves it open whether it was one",
    async (header) => {
      const acquired = (await answering("acquire", without(header))).acquire(KEY, A, 15);
      await expect(acquired).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", key: KEY });
      const renewing = await answering("renew", without(header));
      await renewing.acquire(KEY, A, 15);
      await expect(renewing.renew(KEY, A)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", key: KEY });
    },
  );
});

describe("a change", () => {
  it.each([["another's lease id", ofAnother] as const, ["no lease id", without("x-ms-lease-id")] as const])(
    "whose answer bears %s leaves it open whose the lease is",
    async (_, instead) => {
      const store = await answering("change", instead);
      await store.acquire(KEY, A, 15);
      const other = "cccccccc-0000-4000-8000-000000000000";
      await expect(store.change(KEY, A, other)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        key: KEY,
        answered: true,
      });
    },
  );
});

const CALLS: Readonly<Record<Operation, (store: BlobLeaseStore) => Promise<unknown>>> = {
  acquire: (store) => store.acquire(KEY, A, 15),
  renew: (store) => store.renew(KEY, A),
  change: (store) => store.change(KEY, A, B),
  release: (store) => store.release(KEY, A),
  break: (store) => store.break(KEY),
  create: (store) => store.create("another", {}),
  read: (store) => store.read(KEY),
  write: (store) => store.writeMetadata(KEY, {}, { leaseId: A, ifMatch: '"0x1"' }),
  remove: (store) => store.remove(KEY, { leaseId: A }),
  list: (store) => store.list("")[Symbol.asyncIterator]().next(),
  "create the container": (store) => store.createContainer(),
};
const PAGE_OF_A_GATEWAY = "<html><body>not found</body></html>";
const GATEWAY_STATUSES = [200, 201, 202, 204, 302, 400, 401, 403, 404, 407, 409, 412, 502];

describe("the answer of a gateway", () => {
  it.each(Object.entries(CALLS))("to %s proves nothing, whatever its status", async (operation, call) => {
    const headers = { date: new Date().toUTCString(), etag: '"5f-1"', "last-modified": new Date().toUTCString() };
    const answers: Answer[] = GATEWAY_STATUSES.flatMap((status) => [
      { status, headers: { ...headers, "content-type": "text/html" }, body: PAGE_OF_A_GATEWAY },
      { status, headers: { ...headers, "content-type": "application/xml" }, body: PAGE_OF_A_GATEWAY },
      { status, headers: { ...headers, "content-type": "application/json" }, body: '{"error":{"code":"NotFound"}}' },
      { status, headers, body: "" },
      { status, headers: { "x-ms-request-id": "", "x-ms-error-code": "" } },
    ]);
    for (const answer of answers) {
      const store = await answering(operation as Operation, () => answer);
      await expect(call(store), JSON.stringify(answer)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        answered: false,
      });
    }
  });

  it("is told from the service's by a code in the body, where the headers were stripped", async () => {
    const body = "<Error><Code>LeaseIdMismatchWithLeaseOperation</Code></Error>";
    const store = await answering("renew", () => ({
      status: 409,
      headers: { "content-type": "application/xml" },
      body,
    }));
    expect(await store.renew(KEY, A)).toMatchObject({ kind: "refused", why: "taken" });
  });
});

describe("a blob that was deleted, and is kept for a while", () => {
  it("is missing", async () => {
    const headers = { "x-ms-request-id": "r", "x-ms-error-code": "SoftDeletedBlobNotFound" };
    const store = await answering("acquire", () => ({ status: 404, headers }));
    expect(await store.acquire(KEY, A, 15)).toMatchObject({ kind: "missing", what: "blob" });
  });
});

describe("a listing", () => {
  it("that is refused says why, with the prefix it is of", async () => {
    const store = await answering("list", () => ({
      status: 403,
      headers: { "x-ms-error-code": "AuthorizationPermissionMismatch" },
    }));
    const listed = store.list("jobs/")[Symbol.asyncIterator]().next();
    await expect(listed).rejects.toBeInstanceOf(AccessDeniedError);
    await expect(listed).rejects.toThrow('could not list "jobs/"');
  });

  it("of a blob that lacks its date is no listing", async () => {
    const store = await answering("list", without("date"));
    await expect(store.list("")[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("that is no XML is an error of our own", async () => {
    const store = await answering("list", (answer) => ({ ...answer, body: "<html>please log in" }));
    await expect(store.list("")[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: expect.stringMatching(/^STORE_/),
    });
  });
});

describe("the clients of blobs", () => {
  it("are made once each, and a hundred of them are kept: those used last", async () => {
    const made: string[] = [];
    const container = new ServiceDouble(new FakeClock()).client();
    const counted = {
      containerName: container.containerName,
      create: () => container.create(),
      listBlobsFlat: () => container.listBlobsFlat(),
      getBlockBlobClient: (name: string) => {
        made.push(name);
        return container.getBlockBlobClient(name);
      },
    };
    const store = new BlobLeaseStore(async () => counted);
    const names = Array.from({ length: 100 }, (_, n) => `job-${n}`);
    for (const name of [...names, ...names, "one more", "job-99", "job-0", "one more"]) await store.read(name);
    expect(made).toEqual([...names, "one more", "job-0"]);
  });
});

describe("a client that could not be made", () => {
  it("is made anew at the next request", async () => {
    const service = new ServiceDouble(new FakeClock());
    const failures = [new Error("no package yet")];
    const store = new BlobLeaseStore(async () => {
      const failure = failures.pop();
      if (failure) throw failure;
      return service.client();
    });
    await expect(store.read(KEY)).rejects.toThrow("no package yet");
    expect(await store.read(KEY)).toMatchObject({ kind: "missing", what: "container" });
  });
});
