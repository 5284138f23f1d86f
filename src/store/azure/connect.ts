import { shown } from "../../errors.ts";
import { loadPackage, requireFile, resolveFile } from "../../runtime/packages.ts";
import { requireRuntime } from "../../runtime/runtime.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { LeaseStore } from "../lease-store.ts";
import { storeAddress } from "../store-address.ts";
import { BlobLeaseStore } from "./blob-lease-store.ts";
import { checkContainerName } from "./blob-name.ts";
import { parseConnectionString } from "./connection-string.ts";
import {
  checkAccountKey,
  checkAccountName,
  checkTransport,
  EMULATOR,
  isLoopback,
  parseEndpoint,
  parseUrl,
  publicEndpoint,
  readBlobUrl,
  signedTimes,
} from "./endpoint.ts";
import { readyClient } from "./ready-client.ts";
import type { ContainerClientLike } from "./sdk-clients.ts";
import { loadAzureLog } from "./sdk-log.ts";
import { type TokenCredentialLike, TokenSource } from "./token-source.ts";

/** Where the locks are. Exactly one way in must be given; more, or none, is a `TypeError` that names them. */
export interface ConnectOptions {
  /**
   * The container whose blobs are the locks; created on the first use. Not with `containerClient`, `store` or the SAS
   * of a container. Default: none; every other way in needs it.
   */
  containerName?: string | undefined;
  /** The name of the storage account, with `accountKey` or `credential`. Default: none. */
  accountName?: string | undefined;
  /** The account's shared key, in base64. Never logged. Default: none. */
  accountKey?: string | undefined;
  /**
   * Entra ID, with `accountName`, or with `endpoint` for sovereign clouds and private names. Over https alone. Default:
   * none.
   */
  credential?: TokenCredentialLike | undefined;
  /** The account's blob endpoint, without a container. Default: that of `accountName` in the public cloud. */
  endpoint?: string | undefined;
  /** An account's connection string; `UseDevelopmentStorage=true` is the emulator's. Never logged. Default: none. */
  connectionString?: string | undefined;
  /**
   * The URL of a container, or of an account, with a shared access signature. Not that of a blob. Never logged.
   * Default: none.
   */
  sasUrl?: string | undefined;
  /**
   * A client of `@azure/storage-blob` that is ready to use, with its policies, proxy and HTTP client. Its own retries
   * are off for azmutex's requests alone. Default: none.
   */
  containerClient?: ContainerClientLike | undefined;
  /** The emulator (Azurite) at its usual address, http://127.0.0.1:10000. Default: false. */
  useStorageEmulator?: boolean | undefined;
  /** Any other store: `MemoryLeaseStore` of `azmutex/testing`, say. Default: none. */
  store?: LeaseStore | undefined;
  /** Whether plain http may be spoken to another machine: an emulator in a compose network. Default: false. */
  allowHttp?: boolean | undefined;
}

/** The ways in, by the option that opens each. */
const WAYS = ["connectionString", "sasUrl", "containerClient", "store", "useStorageEmulator", "account"] as const;
type Way = (typeof WAYS)[number];

const ACCOUNT_OPTIONS = ["accountName", "accountKey", "credential", "endpoint"] as const;

/**
 * The store behind the options. Throws `TypeError` for options that are missing, malformed or in each other's way,
 * before anything is sent, and `Error` on a runtime that is too old; loads the SDK only when the first request is made.
 */
export function connect(options: ConnectOptions, clock: Clock = systemClock): LeaseStore {
  requireRuntime();
  if (typeof options !== "object" || options === null)
    throw new TypeError("options must be an object that says where the locks are");
  switch (onlyWay(options)) {
    case "store":
      refuseContainerName(options, "store");
      return options.store as LeaseStore;
    case "containerClient":
      refuseContainerName(options, "containerClient");
      return readyClient(options.containerClient as ContainerClientLike, options.allowHttp ?? false, clock);
    case "sasUrl":
      return fromSasUrl(options);
    case "connectionString":
      return fromConnectionString(options);
    case "useStorageEmulator":
      return sharedKey(EMULATOR, options, "useStorageEmulator");
    case "account":
      return fromAccount(options, clock);
  }
}

function onlyWay(options: ConnectOptions): Way {
  const account = ACCOUNT_OPTIONS.filter((option) => options[option] !== undefined);
  const ways = WAYS.filter((way) =>
    way === "account"
      ? account.length > 0
      : way === "useStorageEmulator"
        ? options[way] === true
        : options[way] !== undefined,
  );
  const [way, another] = ways;
  const named = ways.flatMap((found) => (found === "account" ? account : [found]));
  if (way === undefined) {
    throw new TypeError(
      "options say nowhere to connect to: give connectionString, sasUrl, accountName with accountKey or credential, " +
        "containerClient, store or useStorageEmulator: true",
    );
  }
  if (another !== undefined)
    throw new TypeError(`options say more than one way to connect: ${named.join(", ")}; give one`);
  return way;
}

function fromConnectionString(options: ConnectOptions): LeaseStore {
  const { endpoint, accountName, accountKey, sas } = parseConnectionString(options.connectionString);
  if (accountName !== undefined && accountKey !== undefined) {
    return sharedKey({ endpoint, accountName, accountKey }, options, "BlobEndpoint in connectionString");
  }
  const url = parseUrl(endpoint, "BlobEndpoint in connectionString");
  url.search = sas ?? "";
  if (!url.searchParams.has("sig"))
    throw new TypeError("SharedAccessSignature in connectionString has no signature (sig)");
  return signedUrl(url, options, "connectionString", accountName);
}

function fromSasUrl(options: ConnectOptions): LeaseStore {
  const url = parseUrl(options.sasUrl, "sasUrl");
  if (!url.searchParams.has("sig")) throw new TypeError("sasUrl has no signature (sig)");
  return signedUrl(url, options, "sasUrl");
}

function fromAccount(options: ConnectOptions, clock: Clock): LeaseStore {
  const { accountName, accountKey, credential, endpoint } = options;
  if (accountName !== undefined) checkAccountName(accountName);
  if (accountKey !== undefined && credential !== undefined)
    throw new TypeError("accountKey and credential are two ways to sign in; give one");
  if (accountKey !== undefined) {
    checkAccountKey(accountKey);
    if (accountName === undefined) throw new TypeError("accountKey needs accountName");
    const account = { endpoint: endpoint ?? publicEndpoint(accountName), accountName, accountKey };
    return sharedKey(account, options, "endpoint");
  }
  if (credential === undefined)
    throw new TypeError(`${accountName === undefined ? "endpoint" : "accountName"} needs accountKey or credential`);
  if (typeof credential.getToken !== "function") throw new TypeError("credential must have a getToken method");
  if (endpoint === undefined && accountName === undefined)
    throw new TypeError("credential needs accountName or endpoint");
  const url = parseEndpoint(endpoint ?? publicEndpoint(accountName as string), "endpoint", accountName);
  if (url.protocol !== "https:")
    throw new TypeError(
      `endpoint must be https with a credential: Entra tokens are never sent in the clear, as to ${url.host}`,
    );
  const name = containerName(options);
  const tokens = new TokenSource(credential, clock);
  return lazily(url, name, () => tokens);
}

function sharedKey(account: typeof EMULATOR, options: ConnectOptions, option: string): LeaseStore {
  const { endpoint, accountName, accountKey } = account;
  const url = parseEndpoint(endpoint, option, accountName);
  checkTransport(url, option, options.allowHttp ?? false);
  const name = containerName(options);
  return lazily(url, name, (sdk) => new sdk.StorageSharedKeyCredential(accountName, accountKey));
}

/** A URL that carries its own permission. It names the account or the container. */
function signedUrl(url: URL, options: ConnectOptions, option: string, accountName?: string): LeaseStore {
  checkTransport(url, option, options.allowHttp ?? false);
  const { account, container, isBlob } = readBlobUrl(url, option, accountName);
  if (isBlob)
    throw new TypeError(`${option} must be that of a container or an account, and names more than a container`);
  if (container === undefined) return lazily(account, containerName(options), anonymous);
  checkContainerName(container, `the container in ${option}`);
  if (options.containerName !== undefined && options.containerName !== container) {
    throw new TypeError(
      `containerName (${shown(options.containerName)}) and the container in ${option} ("${container}") differ`,
    );
  }
  return lazily(account, container, anonymous);
}

const anonymous = (sdk: Sdk): object => new sdk.AnonymousCredential();

function containerName({ containerName: name }: ConnectOptions): string {
  if (name === undefined) throw new TypeError("containerName is missing");
  checkContainerName(name);
  return name;
}

function refuseContainerName({ containerName: name }: ConnectOptions, way: Way): void {
  if (name !== undefined)
    throw new TypeError(`containerName and ${way} say the same thing twice; ${way} already is a container`);
}

function inContainer(url: URL, name: string): URL {
  const inside = new URL(url);
  inside.pathname = `${url.pathname.replace(/\/$/, "")}/${name}`;
  return inside;
}

type Sdk = typeof import("@azure/storage-blob");

function lazily(account: URL, name: string, credential: (sdk: Sdk) => object): LeaseStore {
  const container = inContainer(account, name);
  const connected = async (): Promise<ContainerClientLike> => {
    const sdk = await loadSdk();
    const agent = await directAgent(container);
    // P19: azmutex repeats requests itself, within the lease. The SDK's retries outlive a lease, and hide which request
    // was answered.
    const options = { retryOptions: { maxTries: 1 }, ...(agent && { agent }) };
    return new sdk.ContainerClient(container.href, credential(sdk) as never, options);
  };
  return new BlobLeaseStore(connected, { address: storeAddress(account, name), ...signedTimes(account) });
}

const agents = new Map<string, Promise<object>>();

/**
 * The agent that takes requests to their endpoint without a proxy; undefined where a proxy may take them. Without an
 * agent the SDK sends everything to the proxy that HTTPS_PROXY or HTTP_PROXY names. A proxy cannot reach this machine's
 * own addresses, and a signed request in the clear is for the endpoint alone.
 */
function directAgent({ protocol, hostname }: URL): Promise<object> | undefined {
  if (protocol === "https:" && !isLoopback(hostname)) return undefined;
  const loading = protocol === "https:" ? import("node:https") : import("node:http");
  const made = agents.get(protocol) ?? loading.then(({ Agent }) => new Agent({ keepAlive: true }));
  agents.set(protocol, made);
  return made;
}

async function loadSdk(): Promise<Sdk> {
  const sdk = await loadPackage<Sdk>("@azure/storage-blob", () => import("@azure/storage-blob"));
  // The SDK has brought its log, which azmutex uses from now on whenever the log's lines are turned on.
  void loadAzureLog();
  return sdk;
}

/** Whether a client is of the copy of the SDK that azmutex loads, as ES module or as CommonJS. */
export async function isOfInstalledSdk(client: object): Promise<boolean> {
  const { ContainerClient } = await loadSdk();
  if (client instanceof ContainerClient) return true;
  try {
    const loaded = requireFile.cache[resolveFile("@azure/storage-blob")]?.exports;
    return loaded !== undefined && client instanceof loaded.ContainerClient;
  } catch {
    return false;
  }
}
