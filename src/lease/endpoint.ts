import { shown } from "../options.ts";

/** Azurite's account, known to everybody. https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
export const EMULATOR: { readonly accountName: string; readonly accountKey: string; readonly endpoint: string } = Object.freeze({
  accountName: "devstoreaccount1",
  accountKey: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
  endpoint: "http://127.0.0.1:10000/devstoreaccount1",
});

/** The connection string of an Azurite at this port of the loopback interface. */
export function emulatorConnectionString(port: number): string {
  const { accountName, accountKey } = EMULATOR;
  const endpoint = `http://127.0.0.1:${port}/${accountName}`;
  return `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${endpoint};`;
}

const ACCOUNT_NAME = /^[a-z0-9]{3,24}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const IP_ADDRESS = /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])$/i;

/** What a connection string says. */
export interface ConnectionParts {
  readonly endpoint: string;
  readonly accountName?: string;
  readonly accountKey?: string;
  /** Without the question mark. */
  readonly sas?: string;
}

/** Throws `TypeError` unless the text is the name of a storage account. */
export function checkAccountName(name: unknown, option = "accountName"): asserts name is string {
  if (typeof name !== "string" || !ACCOUNT_NAME.test(name))
    throw new TypeError(`${option} must be 3 to 24 lower-case letters and digits, not ${shown(name)}`);
}

/** Throws `TypeError` unless the text can be an account's key. It is not quoted: it may be one with a typing error. */
export function checkAccountKey(key: unknown, option = "accountKey"): asserts key is string {
  if (typeof key !== "string" || !BASE64.test(key) || key.length % 4 !== 0)
    throw new TypeError(`${option} must be the account's key in base64`);
}

/** The endpoint of an account in Azure's public cloud. */
export function publicEndpoint(accountName: string): string {
  return `https://${accountName}.blob.core.windows.net`;
}

/**
 * Reads a storage connection string. Throws a `TypeError` that names what is wrong and quotes no value: any of them may be a secret.
 * https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
 */
export function parseConnectionString(text: unknown): ConnectionParts {
  if (typeof text !== "string" || text.trim() === "") throw new TypeError("connectionString is empty");
  const parts = new Map<string, string>();
  for (const part of text.split(";").map((piece) => piece.trim())) {
    if (part === "") continue;
    const at = part.indexOf("=");
    if (at < 1) throw new TypeError("connectionString is malformed: every part must be Name=value");
    parts.set(part.slice(0, at).toLowerCase(), part.slice(at + 1));
  }
  if (parts.get("usedevelopmentstorage")?.toLowerCase() === "true") return emulatorParts(parts.get("developmentstorageproxyuri"));

  const accountName = parts.get("accountname");
  const accountKey = parts.get("accountkey");
  const sas = parts.get("sharedaccesssignature")?.replace(/^\?/, "");
  const endpoint = parts.get("blobendpoint") ?? (accountName === undefined ? undefined : endpointOf(accountName, parts));
  if (endpoint === undefined) throw new TypeError("connectionString lacks AccountName or BlobEndpoint");
  if (sas) return { endpoint, sas };
  if (accountName === undefined) throw new TypeError("connectionString lacks AccountName");
  if (accountKey === undefined) throw new TypeError("connectionString lacks AccountKey or SharedAccessSignature");
  checkAccountKey(accountKey, "AccountKey in connectionString");
  return { endpoint, accountName, accountKey };
}

function endpointOf(accountName: string, parts: ReadonlyMap<string, string>): string {
  checkAccountName(accountName, "AccountName in connectionString");
  const protocol = parts.get("defaultendpointsprotocol") ?? "https";
  const suffix = parts.get("endpointsuffix") ?? "core.windows.net";
  return `${protocol}://${accountName}.blob.${suffix}`;
}

function emulatorParts(proxy: string | undefined): ConnectionParts {
  const { accountName, accountKey, endpoint } = EMULATOR;
  if (!proxy) return { accountName, accountKey, endpoint };
  return { accountName, accountKey, endpoint: `${proxy.replace(/\/$/, "")}:10000/${accountName}` };
}

/** A URL, or a `TypeError` that names the option. The value may bear a signature, so only its scheme and host are quoted. */
export function parseUrl(url: unknown, option: string): URL {
  if (typeof url !== "string" || !URL.canParse(url)) throw new TypeError(`${option} must be a URL`);
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:")
    throw new TypeError(`${option} must be an https URL, not ${parsed.protocol}`);
  if (parsed.pathname.includes("//")) throw new TypeError(`${option} must have a path without empty segments`);
  return parsed;
}

/** Throws `TypeError` if the lock would travel in the clear to somewhere else than this machine. */
export function checkTransport({ protocol, hostname, host }: URL, option: string, allowHttp: boolean): void {
  if (protocol === "https:" || allowHttp || isLoopback(hostname)) return;
  throw new TypeError(`${option} is plain http to ${host}, which is not this machine; use https, or say allowHttp: true`);
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** The container that a URL names, or undefined if it is that of an account. Addresses without a name of their own carry the account in the path. */
export function containerIn({ pathname, hostname }: URL): string | undefined {
  const segments = pathname.split("/").filter((segment) => segment !== "");
  const pathStyle = IP_ADDRESS.test(hostname) || !hostname.includes(".");
  return pathStyle ? segments[1] : segments[0];
}
