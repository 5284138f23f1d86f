import { RestError } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { AccessDeniedError, StoreRefusedError, StoreUnavailableError } from "../../../../src/errors.ts";
import { BlobLeaseStore } from "../../../../src/store/azure/blob-lease-store.ts";
import { readFailure } from "../../../../src/store/azure/blob-status.ts";
import { errorFor } from "../../../../src/store/azure/request-error.ts";
import type { ContainerClientLike } from "../../../../src/store/azure/sdk-clients.ts";
import { everythingPrinted } from "../../../support/printed.ts";

/** What the SDK throws for an answer of the service. */
function answered(status: number, code = "", headers: Record<string, string> = {}): unknown {
  const all: Record<string, string> = {
    "x-ms-request-id": "r-1",
    ...(code && { "x-ms-error-code": code }),
    ...headers,
  };
  return Object.assign(new Error(code), {
    name: "RestError",
    statusCode: status,
    code: code || undefined,
    response: { headers: { get: (name: string) => all[name] } },
  });
}

const named = (name: string) => Object.assign(new Error("refused"), { name });

describe("a failed request", () => {
  it.each<[unknown, object]>([
    [answered(409, "LeaseAlreadyPresent"), { kind: "held" }],
    [answered(409, "LeaseIsBreakingAndCannotBeAcquired"), { kind: "held" }],
    [answered(409, "LeaseIdMismatchWithLeaseOperation"), { kind: "refused", why: "taken" }],
    [answered(409, "LeaseIsBrokenAndCannotBeRenewed"), { kind: "refused", why: "broken" }],
    [answered(412, "LeaseNotPresentWithBlobOperation"), { kind: "refused", why: "expired" }],
    [answered(404, "BlobNotFound"), { kind: "missing", what: "blob" }],
    [answered(404, "ContainerNotFound"), { kind: "missing", what: "container" }],
    [answered(404), { kind: "missing", what: "blob" }],
    [answered(409, "ContainerBeingDeleted"), { kind: "vanishing" }],
    [answered(412, "ConditionNotMet"), { kind: "unmet" }],
    [answered(412, "LeaseIdMissing"), { kind: "exists" }],
    [answered(409, "BlobAlreadyExists"), { kind: "exists" }],
    [answered(403, "UnauthorizedBlobOverwrite"), { kind: "exists" }],
    [answered(403, "AuthorizationPermissionMismatch"), { kind: "denied" }],
    [answered(403, "AuthenticationFailed"), { kind: "denied" }],
    [answered(401), { kind: "denied" }],
    [named("CredentialUnavailableError"), { kind: "denied" }],
    [named("AggregateAuthenticationError"), { kind: "denied" }],
    [answered(500, "OperationTimedOut"), { kind: "unsure" }],
    [answered(503, "ServerBusy"), { kind: "unsure" }],
    [answered(408), { kind: "unsure" }],
    [answered(429), { kind: "unsure" }],
    [answered(502), { kind: "unsure" }],
    [named("AbortError"), { kind: "unsure" }],
    [Object.assign(new Error("reset"), { code: "ECONNRESET" }), { kind: "unsure" }],
    [undefined, { kind: "unsure" }],
    ["nonsense", { kind: "unsure" }],
    [answered(409, "BlobImmutableDueToPolicy"), { kind: "rejected" }],
    [answered(400, "InvalidHeaderValue"), { kind: "rejected" }],
    [answered(404, "ResourceNotFound"), { kind: "rejected" }],
    [answered(409, "toString"), { kind: "rejected" }],
  ])("%o means %o", (thrown, outcome) => {
    expect(readFailure(thrown).outcome).toEqual(outcome);
  });

  it("is a code without a body, as of a HEAD", () => {
    const head = { name: "RestError", message: "", statusCode: 404, details: { errorCode: "ContainerNotFound" } };
    expect(readFailure(head)).toMatchObject({
      outcome: { kind: "missing", what: "container" },
      status: "404 ContainerNotFound",
    });
  });

  it("says whether it was the service that answered, or a gateway", () => {
    expect(readFailure(answered(503, "ServerBusy")).answered).toBe(true);
    expect(
      readFailure({ statusCode: 502, message: "Bad Gateway", response: { headers: { get: () => undefined } } })
        .answered,
    ).toBe(false);
  });

  it.each([
    ["3", 3_000],
    ["0", 0],
    ["Mon, 23 Nov 2026 00:00:07 GMT", 7_000],
    ["soon", undefined],
    ["-3", undefined],
  ])("with Retry-After %j asks to be left alone for %j ms", (header, ms) => {
    const failure = readFailure(
      answered(503, "ServerBusy", { "retry-after": header, date: "Mon, 23 Nov 2026 00:00:00 GMT" }),
    );
    expect(failure.retryAfterMs).toBe(ms);
  });

  it("becomes the error that says what to do", () => {
    expect(errorFor("acquire", "job", readFailure(answered(503, "ServerBusy")))).toMatchObject({
      constructor: StoreUnavailableError,
      message: 'could not acquire "job": the service answered 503 ServerBusy',
    });
    expect(
      errorFor("renew", "job", readFailure(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }))),
    ).toMatchObject({
      constructor: StoreUnavailableError,
      answered: false,
      message: 'could not renew "job": no answer from the service: ECONNREFUSED (nothing listens there)',
    });
    const closed = Object.assign(new Error("Proxy connection ended before receiving CONNECT response"), {
      code: "REQUEST_SEND_ERROR",
    });
    expect(errorFor("renew", "job", readFailure(closed)).message).toBe(
      `could not renew "job": no answer from the service: ${closed.message}`,
    );
    expect(errorFor("read", "job", readFailure(answered(403, "AuthenticationFailed")))).toBeInstanceOf(
      AccessDeniedError,
    );
    expect(errorFor("create", "job", readFailure(answered(409, "BlobImmutableDueToPolicy")))).toBeInstanceOf(
      StoreRefusedError,
    );
  });

  it("never shows what could be a key, a signature or a token, however it is printed", () => {
    const request = { url: "https://a.example/c/k?sv=1&sig=CANARY", headers: { get: () => "SharedKey acme:CANARY" } };
    const errors = [
      new RestError("getaddrinfo ENOTFOUND a.example?sig=CANARY", { code: "ENOTFOUND", request: request as never }),
      new Error("AuthenticationFailed\nString to sign: CANARY\nsig=CANARY"),
      new Error("Authorization: Bearer CANARY"),
      new Error("bad token: CANARY"),
      new Error("Server used: SharedKey acme:CANARY"),
      new Error("connection AccountName=a;AccountKey=CANARY; failed"),
      new Error('request to "https://a.example/c/k?se=1&sig=CANARY" failed'),
      new Error("client_secret=CANARY&assertion=CANARY"),
      new Error("redirected to https%3A%2F%2Fa.example%2Fc%3Fse%3D1%26sig%3DCANARY"),
    ];
    for (const error of errors)
      expect(everythingPrinted(errorFor("acquire", "job", readFailure(error)))).not.toContain("CANARY");
  });
});

describe("answers with missing or absurd headers", () => {
  const clientOf = (headers: object): ContainerClientLike => {
    const answer = async () => headers;
    const lease = {
      acquireLease: answer,
      renewLease: answer,
      releaseLease: answer,
      changeLease: answer,
      breakLease: answer,
    };
    const blob = { getBlobLeaseClient: () => lease, getProperties: answer, setMetadata: answer, upload: answer };
    return {
      containerName: "c",
      create: answer,
      getBlockBlobClient: () => blob,
      listBlobsFlat: () => ({ byPage: async function* () {} }),
    } as never;
  };
  const id = "00000000-0000-4000-8000-000000000001";

  it.each([
    {},
    { leaseId: id },
    { leaseId: id, etag: "x" },
    { leaseId: id, etag: "x", lastModified: new Date(Number.NaN), date: new Date(0) },
  ])("%o are a typed error, and never an acquired lease", async (headers) => {
    const store = new BlobLeaseStore(async () => clientOf(headers));
    await expect(store.acquire("job", id, 15)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.create("job", {})).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.read("job")).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("with another's lease id are not our lease", async () => {
    const other = {
      leaseId: "00000000-0000-4000-8000-00000000000f",
      etag: "x",
      lastModified: new Date(0),
      date: new Date(0),
    };
    const store = new BlobLeaseStore(async () => clientOf(other));
    expect(await store.acquire("job", id, 15)).toMatchObject({ kind: "held" });
    expect(await store.renew("job", id)).toMatchObject({ kind: "refused", why: "taken" });
  });
});
