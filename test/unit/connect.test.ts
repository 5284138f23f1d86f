import { ContainerClient } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/azure-mutex.ts";
import { connect } from "../../src/lease/connect.ts";
import type { MutexOptions } from "../../src/lock-space.ts";
import { Locker } from "../../src/locker.ts";
import { MemoryLeaseStore } from "../../src/testing/index.ts";
import { everythingPrinted } from "../support/printed.ts";

const CANARY = "c2VjcmV0LWNhbmFyeS1zZWNyZXQtY2FuYXJ5LXNlY3JldA==";
const SIGNATURE = "canarysignature";
const credential = { getToken: async () => ({ token: "canarytoken", expiresOnTimestamp: 0 }) };
const containerName = "locks";

describe("every way in is accepted without anything being sent", () => {
  it.each<[string, MutexOptions]>([
    ["account name and key", { accountName: "acme", accountKey: CANARY, containerName }],
    [
      "account name and key at an endpoint",
      { accountName: "acme", accountKey: CANARY, endpoint: "https://blobs.acme.example", containerName },
    ],
    [
      "connection string",
      {
        connectionString: `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=${CANARY};EndpointSuffix=core.windows.net`,
        containerName,
      },
    ],
    [
      "connection string with a SAS",
      { connectionString: `BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=${SIGNATURE}`, containerName },
    ],
    ["connection string of the emulator", { connectionString: "UseDevelopmentStorage=true", containerName }],
    [
      "connection string of an emulator elsewhere",
      { connectionString: "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite", containerName, allowHttp: true },
    ],
    ["SAS URL of a container", { sasUrl: `https://acme.blob.core.windows.net/locks?sv=1&sig=${SIGNATURE}` }],
    ["SAS URL of an account", { sasUrl: `https://acme.blob.core.windows.net/?sv=1&sig=${SIGNATURE}`, containerName }],
    ["SAS URL of a container in an emulator", { sasUrl: `http://127.0.0.1:10000/devstoreaccount1/locks?sv=1&sig=${SIGNATURE}` }],
    ["token credential with an account name", { credential, accountName: "acme", containerName }],
    ["token credential with a sovereign endpoint", { credential, endpoint: "https://acme.blob.core.chinacloudapi.cn", containerName }],
    ["ready container client", { containerClient: new ContainerClient("https://acme.blob.core.windows.net/locks") }],
    ["any store", { store: new MemoryLeaseStore() }],
    ["the emulator", { useStorageEmulator: true, containerName }],
    [
      "http to another machine, if asked for",
      { accountName: "acme", accountKey: CANARY, endpoint: "http://azurite:10000/acme", containerName, allowHttp: true },
    ],
  ])("%s", (_, options) => {
    expect(new AzureMutex(options)).toBeInstanceOf(AzureMutex);
    expect(new Locker(options, "job").key).toBe("job");
  });
});

describe("options that do not fit are refused by one error that names them, at once", () => {
  it.each<[object, string]>([
    [{}, "options say nowhere to connect to: give connectionString, sasUrl, accountName with accountKey or credential"],
    [{ containerName }, "options say nowhere to connect to"],
    [{ useStorageEmulator: false, containerName }, "options say nowhere to connect to"],
    [{ connectionString: "UseDevelopmentStorage=true" }, "containerName is missing"],
    [{ useStorageEmulator: true }, "containerName is missing"],
    [{ accountName: "acme", accountKey: CANARY }, "containerName is missing"],
    [{ accountName: "acme", containerName }, "accountName needs accountKey or credential"],
    [{ accountKey: CANARY, containerName }, "accountKey needs accountName"],
    [{ credential, containerName }, "credential needs accountName or endpoint"],
    [{ endpoint: "https://acme.example", containerName }, "endpoint needs accountKey or credential"],
    [{ credential: {}, accountName: "acme", containerName }, "credential must have a getToken method"],
    [{ accountName: "acme", accountKey: CANARY, credential, containerName }, "accountKey and credential are two ways to sign in"],
    [
      { accountName: "acme", accountKey: CANARY, connectionString: "UseDevelopmentStorage=true", containerName },
      "more than one way to connect: connectionString, accountName, accountKey; give one",
    ],
    [{ useStorageEmulator: true, store: new MemoryLeaseStore(), containerName }, "more than one way to connect: store, useStorageEmulator"],
    [{ store: new MemoryLeaseStore(), containerName }, "containerName and store say the same thing twice"],
    [
      { containerClient: new ContainerClient("https://acme.blob.core.windows.net/locks"), containerName },
      "containerName and containerClient",
    ],
    [{ containerClient: {} }, "containerClient must be a ContainerClient"],
    [
      { accountName: "Acme_1", accountKey: CANARY, containerName },
      'accountName must be 3 to 24 lower-case letters and digits, not "Acme_1"',
    ],
    [
      { accountName: CANARY.repeat(2), accountKey: CANARY, containerName },
      "accountName must be 3 to 24 lower-case letters and digits, not a string of",
    ],
    [{ accountName: "acme", accountKey: `${CANARY}!`, containerName }, "accountKey must be the account's key in base64"],
    [
      { accountName: "acme", accountKey: CANARY, containerName: "UPPER" },
      'containerName must be 3 to 63 lower-case letters, digits and single hyphens, neither first nor last a hyphen, not "UPPER"',
    ],
    [{ accountName: "acme", accountKey: CANARY, containerName, endpoint: "nonsense" }, "endpoint must be a URL"],
    [{ accountName: "acme", accountKey: CANARY, containerName, endpoint: "ftp://acme" }, "endpoint must be an https URL, not ftp:"],
    [
      { accountName: "acme", accountKey: CANARY, containerName, endpoint: "http://10.0.0.7:10000/acme" },
      "endpoint is plain http to 10.0.0.7:10000, which is not this machine; use https, or say allowHttp: true",
    ],
    [{ credential, endpoint: "http://127.0.0.1:10000/acme", containerName }, "endpoint must be https with a credential"],
    [{ sasUrl: "https://acme.blob.core.windows.net/locks" }, "sasUrl has no signature"],
    [{ sasUrl: `http://acme.example/locks?sig=${SIGNATURE}` }, "sasUrl is plain http to acme.example"],
    [
      { sasUrl: `https://acme.blob.core.windows.net/locks?sig=${SIGNATURE}`, containerName: "others" },
      'containerName ("others") and the container in sasUrl ("locks") differ',
    ],
    [{ sasUrl: `https://acme.blob.core.windows.net/?sig=${SIGNATURE}` }, "containerName is missing"],
    [{ sasUrl: 7 }, "sasUrl must be a URL"],
    [{ connectionString: "", containerName }, "connectionString is empty"],
    [{ connectionString: 7, containerName }, "connectionString is empty"],
    [
      { connectionString: `AccountName=acme;${CANARY.replaceAll("=", "")}`, containerName },
      "connectionString is malformed: every part must be Name=value",
    ],
    [{ connectionString: `=${CANARY}`, containerName }, "connectionString is malformed"],
    [{ connectionString: `AccountKey=${CANARY}`, containerName }, "connectionString lacks AccountName or BlobEndpoint"],
    [{ connectionString: "AccountName=acme", containerName }, "connectionString lacks AccountKey or SharedAccessSignature"],
    [{ connectionString: `BlobEndpoint=https://acme.example;AccountKey=${CANARY}`, containerName }, "connectionString lacks AccountName"],
    [
      { connectionString: `AccountName=acme;AccountKey=${CANARY}!`, containerName },
      "AccountKey in connectionString must be the account's key in base64",
    ],
    [{ connectionString: `AccountName=ACME;AccountKey=${CANARY}`, containerName }, "AccountName in connectionString must be"],
    [
      { connectionString: `BlobEndpoint=${CANARY};AccountName=acme;AccountKey=${CANARY}`, containerName },
      "BlobEndpoint in connectionString must be a URL",
    ],
    [
      { connectionString: `DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=${CANARY}`, containerName },
      "BlobEndpoint in connectionString is plain http to acme.blob.core.windows.net",
    ],
    [{ store: new MemoryLeaseStore(), tryTimeoutMs: 5 }, "tryTimeoutMs must be a number of milliseconds of at least 100, not 5"],
    [{ store: new MemoryLeaseStore(), log: "console" }, "log must be a function"],
  ])("%$", async (options, message) => {
    let thrown: unknown;
    try {
      new AzureMutex(options as MutexOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(message.startsWith("tryTimeoutMs") ? RangeError : TypeError);
    expect((thrown as Error).message).toContain(message);
    const printed = everythingPrinted(thrown);
    for (const secret of [CANARY, SIGNATURE, "canarytoken"]) expect(printed).not.toContain(secret);
  });

  it.each([undefined, null, "UseDevelopmentStorage=true", 7])("%j, which is no object", (options) => {
    expect(() => connect(options as never)).toThrow(TypeError);
  });
});
