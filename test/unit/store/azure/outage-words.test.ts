import { describe, expect, it } from "vitest";
import { readFailure } from "../../../../src/store/azure/blob-status.ts";
import { firstSentence } from "../../../../src/store/azure/clean-text.ts";
import { gatewayReason } from "../../../../src/store/azure/gateway-answer.ts";
import { networkReason } from "../../../../src/store/azure/network-failure.ts";
import { errorFor } from "../../../../src/store/azure/request-error.ts";
import { storeAddress } from "../../../../src/store/store-address.ts";
import { everythingPrinted } from "../../../support/printed.ts";

const ACME = storeAddress(new URL("https://acme.blob.core.windows.net/"), "locks");
const EMULATOR = storeAddress(new URL("http://127.0.0.1:10000/devstoreaccount1"), "locks");
const CUSTOM = storeAddress(new URL("https://blobs.acme.example"), "locks");
const CANARY = "canary+/CANARY".repeat(4);

describe("the words for a failure of the network", () => {
  it.each([
    ["ENOTFOUND", "getaddrinfo ENOTFOUND acme.blob.core.windows.net", ACME, "ENOTFOUND (is the account's name right?)"],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND blobs.acme.example", CUSTOM, "ENOTFOUND (is the host's name right?)"],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND proxy.corp", ACME, "ENOTFOUND proxy.corp (is the proxy's name right?)"],
    ["EAI_AGAIN", "getaddrinfo EAI_AGAIN acme.blob.core.windows.net", ACME, "EAI_AGAIN (the DNS does not answer)"],
    [
      "ECONNREFUSED",
      "connect ECONNREFUSED 127.0.0.1:10000",
      EMULATOR,
      "ECONNREFUSED (nothing listens there: does the emulator run?)",
    ],
    ["ECONNREFUSED", "connect ECONNREFUSED 10.0.0.4:443", ACME, "ECONNREFUSED 10.0.0.4:443 (nothing listens there)"],
    // Of two addresses that were tried side by side: Node's error has no words.
    ["ECONNREFUSED", "-", ACME, "ECONNREFUSED (nothing listens there)"],
    ["ECONNRESET", "socket hang up", ACME, "ECONNRESET: socket hang up (the connection was cut)"],
    ["ECONNRESET", "read ECONNRESET", ACME, "ECONNRESET (the connection was cut)"],
    ["ETIMEDOUT", "connect ETIMEDOUT 20.60.1.2:443", ACME, "ETIMEDOUT 20.60.1.2:443 (no way there from this network)"],
    [
      "EADDRNOTAVAIL",
      "connect EADDRNOTAVAIL 20.60.1.2:443",
      ACME,
      /^EADDRNOTAVAIL .* \(this machine has no free port for a connection\)$/,
    ],
    [
      "EPROTO",
      "write EPROTO 803C05DC9B7F0000:error:0A00010B:SSL routines:" +
        "ssl3_get_record:wrong version number:../deps/openssl:350:\n",
      ACME,
      "EPROTO wrong version number (it does not speak TLS there)",
    ],
    [
      "CERT_HAS_EXPIRED",
      "certificate has expired",
      ACME,
      "CERT_HAS_EXPIRED: certificate has expired (is this machine's clock right?)",
    ],
    [
      "REQUEST_SEND_ERROR",
      "Proxy connection ended before receiving CONNECT response",
      ACME,
      /^Proxy connection ended before/,
    ],
    ["HPE_INVALID_CONSTANT", "Parse Error: Expected HTTP/", ACME, "HPE_INVALID_CONSTANT: Parse Error: Expected HTTP/"],
    [undefined, "", ACME, "it ended without an answer"],
  ])("%s: %s", (code, message, address, words) => {
    const reason = networkReason(code, message, address);
    if (typeof words === "string") expect(reason).toBe(words);
    else expect(reason).toMatch(words);
    expect(
      errorFor("acquire", "job", readFailure(Object.assign(new Error(message), { code }), { address }), address)
        .message,
    ).toBe(`could not acquire "job" in ${address.name}: no answer from ${address.host}: ${reason}`);
  });
});

describe("the words for the answer of a proxy", () => {
  it.each([
    [
      407,
      "<html><head><title>Proxy Authentication\n Required</title></head></html>",
      '407 "Proxy Authentication Required"',
    ],
    [403, "<HTML><H1 class=x>Forbidden &amp; &#60;blocked&#x3e;</H1></HTML>", '403 "Forbidden & <blocked>"'],
    [502, "Bad Gateway\nupstream", '502 "Bad Gateway"'],
    [503, '{"error":"busy"}', "503"],
    [200, "", "200"],
    [200, undefined, "200"],
  ])("%i %s", (status, body, words) => {
    expect(gatewayReason(status, body)).toBe(words);
  });

  it.each([
    `<title>Access to https://acme.blob.core.windows.net/locks?sv=1&amp;sig=${CANARY} denied</title>`,
    `<title>sig&#61;${CANARY}</title>`,
    `<title>sig&amp;#61;${CANARY}</title>`,
    `<title>SharedKey acme:${CANARY}</title>`,
    `<h1>${CANARY}</h1>`,
    `${encodeURIComponent(CANARY)} is not allowed`,
  ])("show nothing that could be a secret: %s", (body) => {
    expect(gatewayReason(403, body)).not.toMatch(/canary/i);
  });
});

/** What the SDK throws for an answer of the service. */
function refused(status: number, code: string, message: string, date = new Date()): unknown {
  const headers: Record<string, string> = { "x-ms-request-id": "r", "x-ms-error-code": code, date: date.toUTCString() };
  return Object.assign(new Error(message), {
    name: "RestError",
    statusCode: status,
    code,
    response: { headers: { get: (name: string) => headers[name] } },
  });
}

const DENIED =
  "Server failed to authenticate the request. Make sure the value of Authorization header is right.\nRequestId:1";
/** How the message of every denial ends. */
const MORE = "; azmutex doctor says more";
const said = (thrown: unknown, facts: object = {}, address = ACME) =>
  errorFor("acquire", "job", readFailure(thrown, { address, ...facts }), address).message;

describe("the words for a refusal of the service", () => {
  const head = 'could not acquire "job" in acme/locks: the credentials were refused: 403 AuthenticationFailed';

  it("have its first sentence", () => {
    const immutable = "This operation is not permitted as the blob is immutable due to a policy.\nRequestId:1\nTime:2";
    expect(said(refused(409, "BlobImmutableDueToPolicy", immutable))).toBe(
      'could not acquire "job" in acme/locks: the service refused: 409 BlobImmutableDueToPolicy: ' +
        "This operation is not permitted as the blob is immutable due to a policy",
    );
    expect(said(refused(503, "ServerBusy", "The server is busy. Try again."))).toBe(
      'could not acquire "job" in acme/locks: acme.blob.core.windows.net answered 503 ServerBusy: The server is busy',
    );
  });

  it("ask for the key where the signature is wrong", () => {
    expect(said(refused(403, "AuthenticationFailed", DENIED))).toBe(
      `${head}: Server failed to authenticate the request (is the key, or the SAS, right?)${MORE}`,
    );
  });

  it("ask for it where Azurite's word for that is the one that Azure has for network rules", () => {
    const found = said(refused(403, "AuthorizationFailure", DENIED), {}, EMULATOR);
    expect(found).toMatch(
      new RegExp(
        ": 403 AuthorizationFailure: Server failed to authenticate the request " +
          String.raw`\(is the key, or the SAS, right\?\); azmutex`,
      ),
    );
    const rules = "This request is not authorized to perform this operation.\nRequestId:1";
    expect(said(refused(403, "AuthorizationFailure", rules))).toMatch(
      new RegExp(
        ": This request is not authorized to perform this operation " +
          String.raw`\(do the account's network rules let this machine in\?\); `,
      ),
    );
  });

  it("say that this machine's clock is wrong, and by how much", () => {
    const date = new Date(Date.now() - 3 * 3_600_000);
    expect(said(refused(403, "AuthenticationFailed", "", date))).toBe(
      `${head} (this machine's clock is 180 min ahead of the service's)${MORE}`,
    );
    const later = new Date(Date.now() + 30 * 60_000);
    expect(said(refused(403, "AuthenticationFailed", "", later))).toBe(
      `${head} (this machine's clock is 30 min behind the service's)${MORE}`,
    );
  });

  it("say that the SAS has expired, by the service's clock, also where the answer has no body", () => {
    const date = new Date("2026-11-30T08:00:00Z");
    const signedUntil = Date.parse("2026-11-30T07:00:00Z");
    expect(said(refused(403, "AuthenticationFailed", "AuthenticationFailed", date), { signedUntil })).toBe(
      `${head} (the SAS expired at 2026-11-30T07:00:00Z)${MORE}`,
    );
    expect(said(refused(403, "AuthenticationFailed", DENIED), { signedUntil: Date.now() + 60_000 })).toContain(
      "is the key, or the SAS",
    );
  });

  it("give Azurite's own hint where it is older than the SDK, also where the answer has no body", () => {
    const hint =
      "The API version 2099-01-01 is not supported by Azurite. Please upgrade. " +
      'Azurite command line parameter "--skipApiVersionCheck" can skip this error.';
    expect(said(refused(400, "InvalidHeaderValue", hint), {}, EMULATOR)).toBe(
      'could not acquire "job" in 127.0.0.1:10000/devstoreaccount1/locks: the service ' +
        "refused: 400 InvalidHeaderValue: " +
        "The API version 2099-01-01 is not supported by Azurite (start Azurite with --skipApiVersionCheck)",
    );
    expect(said(refused(400, "InvalidHeaderValue", ""), {}, EMULATOR)).toMatch(
      /: 400 InvalidHeaderValue \(start Azurite with --skipApiVersionCheck\)$/,
    );
    expect(said(refused(400, "InvalidHeaderValue", ""))).toMatch(/: 400 InvalidHeaderValue$/);
  });

  it("are of one line, of bounded length, and move no cursor", () => {
    const message = said(refused(409, "BlobImmutableDueToPolicy", `\u001b[2J\u202e${"x y ".repeat(500)}`));
    expect(message).toMatch(/: 409 BlobImmutableDueToPolicy: \\u\{1b\}\[2J\\u\{202e\}x y /);
    expect(message.length).toBeLessThan(320);
  });

  it.each([
    `The MAC signature ${CANARY} is not the same as any computed signature`,
    `Signature did not match. String to sign used was ${CANARY}`,
    `Cannot read https://acme.blob.core.windows.net/locks?sv=1&sig=${CANARY}`,
    `Server used SharedKey acme:${CANARY}`,
  ])("show nothing that could be a secret: %s", (message) => {
    expect(said(refused(409, "BlobImmutableDueToPolicy", message))).not.toMatch(/canary/i);
    expect(everythingPrinted(errorFor("acquire", "job", readFailure(new Error(`x?sig=${CANARY}`))))).not.toMatch(
      /canary/i,
    );
  });
});

describe("a first sentence", () => {
  it.each([
    ["One. Two.", "One"],
    ["One", "One"],
    ["", ""],
    ["v1.2 of acme.example is old. Update.", "v1.2 of acme.example is old"],
    ["  One\nTwo", "One"],
  ])("of %j is %j", (text, sentence) => {
    expect(firstSentence(text)).toBe(sentence);
  });
});
