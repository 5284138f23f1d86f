import { wallTime } from "../time/clock.ts";

/** A PUT without a body that releases one lease, for another process to send. The URL and the headers may be secret. */
export interface ReleaseRequest {
  /** The URL to send it to, with the query that signs it, if one does. */
  readonly url: string;
  /** All headers that the service needs. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The part of the SDK's `StorageSharedKeyCredential` that is used. */
interface SharedKeyLike {
  readonly accountName: string;
  computeHMACSHA256(text: string): string;
}

/** A credential that has a token at hand: `TokenSource`. */
interface TokenHolder {
  readonly tokenAtHand: string | undefined;
}

/** A version of the REST API that every supported service and emulator has. */
const SERVICE_VERSION = "2021-12-02";

/**
 * The request that releases a lease, with what signs it: an account's key signs this very request, which serves for
 * nothing else, and for 15 minutes; a shared access signature is in the URL already; of Entra ID it is the token at
 * hand. Undefined without any of these.
 */
export function releaseRequest(urlOfBlob: string, credential: unknown, leaseId: string): ReleaseRequest | undefined {
  const url = new URL(urlOfBlob);
  const isSigned = url.searchParams.has("sig");
  // The query is kept as text: parsed and written again, it may differ from the one that was signed.
  url.search += `${url.search === "" ? "?" : "&"}comp=lease`;
  const headers = { "x-ms-lease-action": "release", "x-ms-lease-id": leaseId, "x-ms-version": SERVICE_VERSION };
  if (isSigned) return { url: url.href, headers };
  if (isSharedKey(credential)) return { url: url.href, headers: withSignature(url, headers, credential) };
  const token = url.protocol === "https:" ? tokenOf(credential) : undefined;
  return token === undefined ? undefined : { url: url.href, headers: { ...headers, authorization: `Bearer ${token}` } };
}

/** https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key */
function withSignature(url: URL, headers: Record<string, string>, credential: SharedKeyLike): Record<string, string> {
  const dated: Record<string, string> = { "x-ms-date": new Date(wallTime()).toUTCString(), ...headers };
  const signed = Object.entries(dated).map(([name, value]) => `${name}:${value}`);
  const resource = `/${credential.accountName}${url.pathname}\ncomp:lease`;
  // The eleven standard headers are empty.
  const text = ["PUT", ...Array.from({ length: 11 }, () => ""), ...signed.sort(), resource].join("\n");
  return { ...dated, authorization: `SharedKey ${credential.accountName}:${credential.computeHMACSHA256(text)}` };
}

function isSharedKey(credential: unknown): credential is SharedKeyLike {
  const { accountName, computeHMACSHA256 } = Object(credential);
  return typeof accountName === "string" && typeof computeHMACSHA256 === "function";
}

function tokenOf(credential: unknown): string | undefined {
  const { tokenAtHand } = Object(credential) as Partial<TokenHolder>;
  return tokenAtHand;
}
