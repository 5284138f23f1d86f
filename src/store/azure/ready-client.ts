import type { Clock } from "../../time/clock.ts";
import type { LeaseStore } from "../lease-store.ts";
import { type StoreAddress, storeAddress } from "../store-address.ts";
import { BlobLeaseStore } from "./blob-lease-store.ts";
import { checkTransport, parseUrl, readBlobUrl, signedTimes } from "./endpoint.ts";
import { divert, policyOf } from "./own-requests.ts";
import type { ContainerClientLike } from "./sdk-clients.ts";
import { type TokenCredentialLike, TokenSource } from "./token-source.ts";

/** The parts of the SDK's clients that are read. */
interface SdkClient extends ContainerClientLike {
  readonly url?: unknown;
  readonly credential?: unknown;
  readonly pipeline?: { readonly options?: object };
}

/** The store behind a client that is ready to use. */
export function readyClient(client: SdkClient, allowHttp: boolean, clock: Clock): LeaseStore {
  if (typeof client.getBlockBlobClient !== "function" || typeof client.listBlobsFlat !== "function") {
    throw new TypeError("containerClient must be a ContainerClient of @azure/storage-blob");
  }
  const url = typeof client.url === "string" ? parseUrl(client.url, "containerClient") : undefined;
  if (url) checkClientUrl(client, url, allowHttp);
  sendOnce(client);
  return new BlobLeaseStore(async () => client, {
    signer: boundTokens(client, clock),
    ...(url && { address: addressOf(url), ...signedTimes(url) }),
  });
}

/** The container is the last part of a client's URL, whatever stands before it. */
function addressOf(url: URL): StoreAddress {
  const account = new URL(url);
  const [, before = "", container = ""] = /^(.*?)\/?([^/]*)\/?$/.exec(url.pathname) ?? [];
  account.pathname = before;
  return storeAddress(account, container);
}

/** The SDK's own retries outlive a lease of 15 s, and hide which request was answered. */
function sendOnce(client: SdkClient): void {
  const retrying = policyOf(client, "storageRetryPolicy");
  if (retrying) divert(retrying, (request, next) => next(request));
}

/** The tokens of each policy that was replaced: a second mutex goes the same way. */
const boundSources = new WeakMap<object, TokenSource>();

/** The source of a client's tokens, if it signs with tokens. */
function boundTokens(client: SdkClient, clock: Clock): TokenSource | undefined {
  const signing = policyOf(client, "bearerTokenAuthenticationPolicy");
  if (!signing || !bringsTokens(client.credential)) return undefined;
  const source = boundSources.get(signing) ?? new TokenSource(client.credential, clock);
  boundSources.set(signing, source);
  // The policy is taken from a client made for it, as the SDK exports none. A subclass may have another constructor, so
  // its base is used.
  const Client = classesOf(client).at(-2) as new (url: unknown, credential: object, options?: object) => object;
  const bounded = policyOf(new Client(client.url, source, client.pipeline?.options), signing.name);
  if (bounded) divert(signing, (request, next) => bounded.sendRequest(request, next));
  return source;
}

/** From the client's own class to `StorageClient`, the last but one being `ContainerClient`. */
function classesOf(client: object): unknown[] {
  const prototype = Object.getPrototypeOf(client);
  return prototype === Object.prototype || prototype === null ? [] : [prototype.constructor, ...classesOf(prototype)];
}

function bringsTokens(credential: unknown): credential is TokenCredentialLike {
  return (
    typeof credential === "object" &&
    credential !== null &&
    "getToken" in credential &&
    typeof credential.getToken === "function"
  );
}

function checkClientUrl({ credential }: SdkClient, url: URL, allowHttp: boolean): void {
  checkTransport(url, "containerClient", allowHttp);
  const { container, isBlob } = readBlobUrl(url, "containerClient");
  // Behind a port a name with dots may be an emulator's of any account; then the path says nothing.
  if ((container !== undefined && !isBlob) || (url.port !== "" && /\.[a-z]/.test(url.hostname))) return;
  if (isBlob) throw new TypeError("containerClient must be that of a container, and its URL names more");
  // Behind an address, one segment is an emulator's account; with https it may be a container of a service that serves
  // one account alone.
  const segment = url.pathname.replaceAll("/", "");
  const isAccount =
    url.protocol === "http:" || segment === (credential as { accountName?: unknown } | undefined)?.accountName;
  if (segment === "" || isAccount)
    throw new TypeError("containerClient must be that of a container, and its URL names none");
}
