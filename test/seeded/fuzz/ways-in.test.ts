import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMutexError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { type ConnectOptions, connect } from "../../../src/store/azure/connect.ts";
import { parseEndpoint } from "../../../src/store/azure/endpoint.ts";
import { everythingPrinted } from "../../support/printed.ts";
import { fuzzing, thrownBy } from "./runs.ts";

/** As long as an account's key is, and in its alphabet. */
const CANARY = `${"canary0123456789canary".repeat(4).slice(0, 86)}==`;
/** What is left of it when something has cut it up, or into lower case. */
const TRACES = ["canary0123", "CANARY0123", "canary%300123"];
const SAS = `sv=2026-02-06&ss=b&srt=sco&sp=rwdlac&se=2027-01-01&sig=${encodeURIComponent(CANARY)}`;

const noise = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("", ";", "=", "?", "&", "://", "\n", " ", "%", "http", "[::1]", "@", ":", "\u0000"),
);
const secret = fc.constantFrom(
  CANARY,
  SAS,
  `?${SAS}`,
  `AccountKey=${CANARY}`,
  `https://acme.blob.core.windows.net/locks?${SAS}`,
);
const text = fc.oneof(
  noise,
  secret,
  fc.tuple(noise, secret, noise).map((parts) => parts.join("")),
);

const names = fc.constantFrom(
  "AccountName",
  "accountname",
  "AccountKey",
  "ACCOUNTKEY",
  "BlobEndpoint",
  "EndpointSuffix",
  "DefaultEndpointsProtocol",
  "SharedAccessSignature",
  "UseDevelopmentStorage",
  "DevelopmentStorageProxyUri",
  "__proto__",
  "Key",
);
const values = fc.oneof(
  text,
  fc.constantFrom(
    "acme",
    "core.windows.net",
    "https",
    "http",
    "true",
    "https://acme.blob.core.windows.net",
    "http://127.0.0.1:10000/acme",
    CANARY,
    SAS,
  ),
);
const connectionString = fc.oneof(
  text,
  fc
    .array(
      fc.tuple(names, fc.constantFrom("=", "=", "=", "", " = "), values, fc.constantFrom(";", ";", ";;", "; ", "\n")),
      {
        maxLength: 6,
      },
    )
    .map((parts) => parts.flat().join("")),
);
const url = fc.oneof(
  text,
  fc.webUrl({ withQueryParameters: true }),
  fc
    .tuple(
      fc.constantFrom("https://", "http://", "HTTPS://", "ftp://", "//", `https://user:${CANARY}@`),
      fc.constantFrom(
        "acme.blob.core.windows.net",
        "127.0.0.1:10000",
        "[::1]",
        "localhost",
        "10.0.0.7",
        "acme",
        "xn--",
        ":99999",
      ),
      fc.constantFrom("", "/", "/locks", "/acme/locks", "/locks/x", "//", "/%00", "/Locks"),
      fc.constantFrom("", "?", `?${SAS}`, `#${SAS}`, "?sig="),
    )
    .map((parts) => parts.join("")),
);

function containsSecret(printed: string): boolean {
  return TRACES.some((trace) => printed.includes(trace));
}

/**
 * They are refused by a `TypeError` that names no secret, or make a store, whose first request makes the SDK's client.
 * That request is given up before it is sent.
 */
async function expectQuiet(options: object): Promise<void> {
  const thrown = thrownBy(() => new AzureMutex(options as never));
  if (thrown !== undefined) {
    expect(thrown).toBeInstanceOf(TypeError);
    expect(containsSecret(everythingPrinted(thrown))).toBe(false);
    return;
  }
  const request = connect(options).read("job", { signal: AbortSignal.abort() });
  const failure = await request.then(
    () => "answered",
    (error: unknown) => error,
  );
  expect(isMutexError(failure)).toBe(true);
  expect(containsSecret(everythingPrinted(failure))).toBe(false);
}

describe("any way in, with a secret in whatever place", () => {
  it("that is a connection string is taken, or refused without a word of the secret", async () => {
    await fc.assert(
      fc.asyncProperty(connectionString, fc.boolean(), async (given, allowHttp) => {
        await expectQuiet({ connectionString: given, containerName: "locks", allowHttp });
      }),
      fuzzing(1_000),
    );
  });

  it("that is a URL with a signature is taken, or refused without a word of the secret", async () => {
    await fc.assert(
      fc.asyncProperty(
        url,
        fc.constantFrom(undefined, "locks", "others", "L"),
        fc.boolean(),
        async (sasUrl, containerName, allowHttp) => {
          await expectQuiet({ sasUrl, allowHttp, ...(containerName && { containerName }) });
        },
      ),
      fuzzing(1_000),
    );
  });

  it("that is an account is taken, or refused without a word of the secret", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant("acme"), text),
        fc.oneof(text, fc.constant(CANARY)),
        fc.oneof(fc.constant(undefined), url),
        async (accountName, accountKey, endpoint) => {
          await expectQuiet({
            accountName,
            accountKey,
            containerName: "locks",
            ...(endpoint !== undefined && { endpoint }),
          });
          const credential = { getToken: async () => ({ token: CANARY, expiresOnTimestamp: 0 }) };
          await expectQuiet({
            accountName,
            credential,
            containerName: "locks",
            ...(endpoint !== undefined && { endpoint }),
          });
        },
      ),
      fuzzing(300),
    );
  });

  it("that is an endpoint is the account's alone, or refused: the SDK puts the container behind any path", () => {
    const hosts = fc.constantFrom(
      "acme.blob.core.windows.net",
      "blobs.acme.example",
      "127.0.0.1:10000",
      "azurite:10000",
      "a.b.localhost:1",
    );
    const rest = fc.array(
      fc.oneof(noise, fc.constantFrom("/", "/acme", "/locks", "/locks/job", "?x=1", "#x", "/../acme")),
      {
        maxLength: 4,
      },
    );
    const account = /^https?:\/\/[^/?#@]+\/(acme)?$/;
    fc.assert(
      fc.property(fc.constantFrom("https://", "http://", ""), hosts, rest, (scheme, host, more) => {
        const endpoint = `${scheme}${host}${more.join("")}`;
        let taken: URL | undefined;
        const thrown = thrownBy(() => (taken = parseEndpoint(endpoint, "endpoint", "acme")));
        if (taken === undefined) expect(thrown).toBeInstanceOf(TypeError);
        else expect(taken.href).toMatch(account);
        if (taken?.pathname === "/acme") expect(host).not.toMatch(/^acme\./);
        if (taken?.pathname === "/acme" && taken.protocol === "https:") expect(host).toContain(":");
      }),
      fuzzing(1_000),
    );
  });

  it("that is mixed up, or pasted into the wrong option, is refused without a word of the secret", async () => {
    const options = fc.record<Record<string, unknown>>(
      {
        connectionString,
        sasUrl: url,
        accountName: text,
        accountKey: text,
        endpoint: url,
        containerName: fc.oneof(text, fc.constantFrom("locks", "a--b")),
        credential: fc.constantFrom({ getToken: 7 }, {}),
        useStorageEmulator: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(fc.asyncProperty(options, expectQuiet), fuzzing(1_000));
  });

  it("that is taken says nothing of the secret when it is printed", () => {
    const options: ConnectOptions[] = [
      { accountName: "acme", accountKey: CANARY, containerName: "locks" },
      { sasUrl: `https://acme.blob.core.windows.net/locks?${SAS}` },
      { connectionString: `AccountName=acme;AccountKey=${CANARY}`, containerName: "locks" },
    ];
    for (const given of options) {
      expect(containsSecret(everythingPrinted(new AzureMutex(given)))).toBe(false);
      expect(containsSecret(everythingPrinted(connect(given)))).toBe(false);
    }
  });
});
