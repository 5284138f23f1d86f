import { ContainerClient } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import type { MutexOptions } from "../../../../src/locks/lock-space.ts";
import { Locker } from "../../../../src/locks/locker.ts";
import { connect } from "../../../../src/store/azure/connect.ts";
import { MemoryLeaseStore } from "../../../../src/testing/index.ts";
import { everythingPrinted } from "../../../support/printed.ts";

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
        connectionString: [
          `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=${CANARY}`,
          "EndpointSuffix=core.windows.net",
        ].join(";"),
        containerName,
      },
    ],
    [
      "connection string with a SAS",
      {
        connectionString: [
          "BlobEndpoint=https://acme.blob.core.windows.net/",
          `SharedAccessSignature=sv=1&sig=${SIGNATURE}`,
        ].join(";"),
        containerName,
      },
    ],
    ["connection string of the emulator", { connectionString: "UseDevelopmentStorage=true", containerName }],
    [
      "connection string of an emulator elsewhere",
      {
        connectionString: "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite",
        containerName,
        allowHttp: true,
      },
    ],
    ["SAS URL of a container", { sasUrl: `https://acme.blob.core.windows.net/locks?sv=1&sig=${SIGNATURE}` }],
    ["SAS URL of an account", { sasUrl: `https://acme.blob.core.windows.net/?sv=1&sig=${SIGNATURE}`, containerName }],
    [
      "SAS URL of a container in an emulator",
      { sasUrl: `http://127.0.0.1:10000/devstoreaccount1/locks?sv=1&sig=${SIGNATURE}` },
    ],
    ["token credential with an account name", { credential, accountName: "acme", containerName }],
    [
      "token credential with a sovereign endpoint",
      { credential, endpoint: "https://acme.blob.core.chinacloudapi.cn", containerName },
    ],
    ["ready container client", { containerClient: new ContainerClient("https://acme.blob.core.windows.net/locks") }],
    ["any store", { store: new MemoryLeaseStore() }],
    [
      "SAS URL of a container with the container's name",
      { sasUrl: `https://acme.blob.core.windows.net/locks/?sig=${SIGNATURE}`, containerName },
    ],
    [
      "endpoint with a slash at its end",
      { accountName: "acme", accountKey: CANARY, endpoint: "https://acme.blob.core.windows.net/", containerName },
    ],
    [
      "endpoint of a DNS zone",
      { credential, accountName: "acme", endpoint: "https://acme.z17.blob.storage.azure.net", containerName },
    ],
    [
      "endpoint with a routing choice",
      {
        credential,
        accountName: "acme",
        endpoint: "https://acme-internetrouting.blob.core.windows.net",
        containerName,
      },
    ],
    [
      "endpoint of a private link",
      { credential, accountName: "acme", endpoint: "https://acme.privatelink.blob.core.windows.net", containerName },
    ],
    [
      "endpoint of an Azure Stack",
      { credential, accountName: "acme", endpoint: "https://acme.blob.local.azurestack.external", containerName },
    ],
    [
      "emulator whose name has dots",
      {
        accountName: "acme",
        accountKey: CANARY,
        endpoint: "http://azurite.test.svc.cluster.local:10000/acme",
        containerName,
        allowHttp: true,
      },
    ],
    [
      "emulator with the account in its name",
      { accountName: "acme", accountKey: CANARY, endpoint: "http://acme.blob.localhost:10000", containerName },
    ],
    [
      "connection string of the Azure CLI",
      {
        connectionString: [
          `DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net;AccountName=acme;AccountKey=${CANARY}`,
          "BlobEndpoint=https://acme.blob.core.windows.net/;FileEndpoint=https://acme.file.core.windows.net/",
          "QueueEndpoint=https://acme.queue.core.windows.net/;TableEndpoint=https://acme.table.core.windows.net/",
        ].join(";"),
        containerName,
      },
    ],
    [
      "connection string with blanks at its ends and after semicolons",
      { connectionString: ` AccountName=acme; AccountKey=${CANARY}; \r\n`, containerName },
    ],
    ["the emulator", { useStorageEmulator: true, containerName }],
    [
      "http to another machine, if asked for",
      {
        accountName: "acme",
        accountKey: CANARY,
        endpoint: "http://azurite:10000/acme",
        containerName,
        allowHttp: true,
      },
    ],
  ])("%s", (_, options) => {
    expect(new AzureMutex(options)).toBeInstanceOf(AzureMutex);
    expect(new Locker(options, "job").key).toBe("job");
  });
});

const account = { accountName: "acme", accountKey: CANARY, containerName };
const keyParts = `AccountName=acme;AccountKey=${CANARY}`;

/** What the portal copies is the URL of a container or of a blob, and the SDK would put our container behind it. */
const ENDPOINTS_THAT_NAME_MORE: [object, string][] = [
  ...["/locks", "/locks/", "/locks/nightly"].flatMap((path): [object, string][] =>
    [account, { accountName: "acme", credential, containerName }, { credential, containerName }].map((options) => [
      { ...options, endpoint: `https://acme.blob.core.windows.net${path}` },
      'endpoint must end with the account, and names more: write endpoint: "https://acme.blob.core.windows.net", ' +
        'containerName: "locks"',
    ]),
  ),
  [
    { ...account, endpoint: "https://blobs.acme.example/own" },
    'write endpoint: "https://blobs.acme.example", containerName: "own"',
  ],
  [{ ...account, endpoint: "https://blobs.acme.example/acme" }, 'containerName: "acme"'],
  [{ ...account, endpoint: "https://acme.blob.core.windows.net/$web" }, 'containerName: "locks"'],
  [
    { ...account, endpoint: "http://127.0.0.1:10000/acme/own" },
    'write endpoint: "http://127.0.0.1:10000/acme", containerName: "own"',
  ],
  [
    { ...account, endpoint: "http://localhost:10000/own" },
    'write endpoint: "http://localhost:10000/acme", containerName: "own"',
  ],
  [
    { connectionString: `BlobEndpoint=https://acme.blob.core.windows.net/own;${keyParts}`, containerName },
    "BlobEndpoint in connectionString must end with the account, and names more: write " +
      'BlobEndpoint=https://acme.blob.core.windows.net and containerName: "own"',
  ],
  [
    {
      connectionString: `BlobEndpoint=https://acme.blob.core.windows.net/own;SharedAccessSignature=sig=${SIGNATURE}`,
      containerName,
    },
    'containerName ("locks") and the container in connectionString ("own") differ',
  ],
  [
    {
      connectionString: `BlobEndpoint=https://acme.blob.core.windows.net/own/x;SharedAccessSignature=sig=${SIGNATURE}`,
      containerName,
    },
    "connectionString must be that of a container or an account, and names more than a container",
  ],
  [
    { ...account, endpoint: `https://acme.blob.core.windows.net/?sig=${SIGNATURE}` },
    "endpoint must be a URL without a query",
  ],
  [{ ...account, endpoint: "https://acme.blob.core.windows.net/?x=1" }, "endpoint must be a URL without a query"],
  [
    { ...account, endpoint: "https://acme.blob.core.windows.net/locks?x=1" },
    'endpoint: "https://acme.blob.core.windows.net", containerName: "locks"',
  ],
  [{ ...account, endpoint: "https://acme.blob.core.windows.net/#x" }, "endpoint must be a URL without a fragment"],
  [
    { ...account, endpoint: `https://acme:${SIGNATURE}@acme.blob.core.windows.net` },
    "endpoint must be a URL without a user and a password",
  ],
  [
    { ...account, endpoint: "https://acme.blob.core.windows.net/lo\ncks" },
    "endpoint has a blank or a line break inside",
  ],
  [{ ...account, endpoint: '"https://acme.blob.core.windows.net"' }, "endpoint has a quotation mark"],
  [
    { ...account, endpoint: "https://acme-secondary.blob.core.windows.net" },
    "endpoint must be the account's primary endpoint, https://acme.blob.core.windows.net, not its secondary",
  ],
  [
    { ...account, endpoint: "https://acme-secondary.z17.blob.storage.azure.net" },
    "https://acme.z17.blob.storage.azure.net, not its secondary",
  ],
  [{ ...account, endpoint: "http://127.0.0.1:10000/acme-secondary" }, "http://127.0.0.1:10000/acme, not its secondary"],
  [
    { ...account, endpoint: "https://acme.dfs.core.windows.net" },
    "endpoint must be the account's blob endpoint, such as https://acme.blob.core.windows.net, " +
      "and is that of its dfs service",
  ],
  [{ ...account, endpoint: "https://acme.z6.web.core.windows.net" }, "is that of its web service"],
  [
    { ...account, endpoint: "https://other.blob.core.windows.net" },
    'endpoint must be that of the account "acme", not that of "other"',
  ],
  [
    { credential, accountName: "acme", containerName, endpoint: "https://other.blob.core.chinacloudapi.cn" },
    'not that of "other"',
  ],
  [
    { connectionString: `BlobEndpoint=https://other.blob.core.windows.net;${keyParts}`, containerName },
    'not that of "other"',
  ],
  [
    { sasUrl: `https://acme.blob.core.windows.net/locks/nightly?sig=${SIGNATURE}` },
    "sasUrl must be that of a container or an account, and names more",
  ],
  [
    { sasUrl: `http://127.0.0.1:10000/acme/locks/nightly?sig=${SIGNATURE}` },
    "sasUrl must be that of a container or an account, and names more",
  ],
  [
    { sasUrl: `https://acme.blob.core.windows.net/locks?sig=${SIGNATURE}#x` },
    "sasUrl must be a URL without a fragment",
  ],
  [
    { sasUrl: `https://acme.blob.core.windows.net/$web?sig=${SIGNATURE}` },
    "the container in sasUrl must be 3 to 63 lower-case letters",
  ],
  [
    { sasUrl: `https://acme-secondary.blob.core.windows.net/locks?sig=${SIGNATURE}` },
    "sasUrl must be the account's primary endpoint",
  ],
  [{ sasUrl: `'https://acme.blob.core.windows.net/locks?sig=${SIGNATURE}'` }, "sasUrl has a quotation mark"],
  [{ sasUrl: `https://acme.blob.core.windows.net/locks?sig=${SIGNATURE}"` }, "sasUrl has a quotation mark"],
];

/** As they come out of .env files, compose files and secrets. */
const DAMAGED_CONNECTION_STRINGS = Object.entries({
  [`"${keyParts}"`]: "connectionString begins or ends with a quotation mark",
  [`'${keyParts}'\n`]: "connectionString begins or ends with a quotation mark",
  [`${keyParts};EndpointSuffix=core.windows.net"`]: "connectionString begins or ends with a quotation mark",
  [`'${keyParts}`]: "connectionString begins or ends with a quotation mark",
  [`AccountName="acme";AccountKey=${CANARY}`]: "AccountName in connectionString has a quotation mark",
  [`AccountName='acme';AccountKey=${CANARY}`]: "AccountName in connectionString has a quotation mark",
  [`AccountName=acme;AccountKey="${CANARY};`]: "AccountKey in connectionString has a quotation mark",
  [`AccountName=acme\n;AccountKey=${CANARY}`]: "connectionString has a line break inside",
  [`AccountName=acme;AccountKey=${CANARY.slice(0, 9)}\r\n${CANARY.slice(9)}`]:
    "connectionString has a line break inside",
  [`AccountName=acme;AccountKey=${CANARY.slice(0, 9)} ${CANARY.slice(9)}`]:
    "AccountKey in connectionString has a blank",
  [`AccountName= acme;AccountKey=${CANARY}`]: "AccountName in connectionString has a blank",
  [`AccountName =acme;AccountKey=${CANARY}`]: "connectionString has a part of unknown name, which is number 1",
  [`Acountname=acme;AccountKey=${CANARY}`]:
    'connectionString has a part of unknown name, "Acountname", which is number 1',
  [`AccountName=acme;${CANARY}==`]: "connectionString has a part of unknown name, which is number 2",
  [`AccountName=acme;${keyParts}`]: "connectionString has AccountName twice",
  [`${keyParts};EndpointSuffix=core.windows.net/locks`]:
    "EndpointSuffix in connectionString must be the end of a host name",
  [`UseDevelopmentStorage=true;${keyParts}`]: "connectionString has UseDevelopmentStorage=true and AccountName",
  "UseDevelopmentStorage=yes": "UseDevelopmentStorage in connectionString must be true",
  "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://127.0.0.1:10000":
    "DevelopmentStorageProxyUri in connectionString must be a scheme and a host alone",
}).map(([connectionString, message]): [object, string] => [{ connectionString, containerName }, message]);

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
    [
      { accountName: "acme", accountKey: CANARY, credential, containerName },
      "accountKey and credential are two ways to sign in",
    ],
    [
      { accountName: "acme", accountKey: CANARY, connectionString: "UseDevelopmentStorage=true", containerName },
      "more than one way to connect: connectionString, accountName, accountKey; give one",
    ],
    [
      { useStorageEmulator: true, store: new MemoryLeaseStore(), containerName },
      "more than one way to connect: store, useStorageEmulator",
    ],
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
    [
      { accountName: "acme", accountKey: `${CANARY}!`, containerName },
      "accountKey must be the account's key in base64",
    ],
    [
      { accountName: "acme", accountKey: CANARY, containerName: "UPPER" },
      "containerName must be 3 to 63 lower-case letters, digits and single hyphens, " +
        'neither first nor last a hyphen, not "UPPER"',
    ],
    [{ accountName: "acme", accountKey: CANARY, containerName, endpoint: "nonsense" }, "endpoint must be a URL"],
    [
      { accountName: "acme", accountKey: CANARY, containerName, endpoint: "ftp://acme" },
      "endpoint must be an https URL, not ftp:",
    ],
    [
      { accountName: "acme", accountKey: CANARY, containerName, endpoint: "http://10.0.0.7:10000/acme" },
      "endpoint is plain http to 10.0.0.7:10000, which is not this machine; use https, or say allowHttp: true",
    ],
    [
      { credential, endpoint: "http://127.0.0.1:10000/acme", containerName },
      "endpoint must be https with a credential",
    ],
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
    [
      { connectionString: "AccountName=acme", containerName },
      "connectionString lacks AccountKey or SharedAccessSignature",
    ],
    [
      { connectionString: `BlobEndpoint=https://acme.example;AccountKey=${CANARY}`, containerName },
      "connectionString lacks AccountName",
    ],
    [
      { connectionString: `AccountName=acme;AccountKey=${CANARY}!`, containerName },
      "AccountKey in connectionString must be the account's key in base64",
    ],
    [
      { connectionString: `AccountName=ACME;AccountKey=${CANARY}`, containerName },
      "AccountName in connectionString must be",
    ],
    [
      { connectionString: `BlobEndpoint=${CANARY};AccountName=acme;AccountKey=${CANARY}`, containerName },
      "BlobEndpoint in connectionString must be a URL",
    ],
    [
      { connectionString: `DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=${CANARY}`, containerName },
      "BlobEndpoint in connectionString is plain http to acme.blob.core.windows.net",
    ],
    ...ENDPOINTS_THAT_NAME_MORE,
    ...DAMAGED_CONNECTION_STRINGS,
    [
      { store: new MemoryLeaseStore(), tryTimeoutMs: 5 },
      "tryTimeoutMs must be a number of milliseconds of at least 100, not 5",
    ],
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
