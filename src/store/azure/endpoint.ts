import { shown } from "../../errors.ts";
import { isContainerName } from "./blob-name.ts";

/** Azurite's account, whose key is published. https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
export const EMULATOR: { readonly accountName: string; readonly accountKey: string; readonly endpoint: string } =
  Object.freeze({
    accountName: "devstoreaccount1",
    accountKey: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    endpoint: "http://127.0.0.1:10000/devstoreaccount1",
  });

const ACCOUNT_NAME = /^[a-z0-9]{3,24}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const IP_ADDRESS = /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])$/i;
/**
 * A host of Azure's own: account, DNS zone or private link, service. Names of accounts have no hyphens; a suffix of
 * them does.
 */
const AZURE_HOST =
  /^([^.]+)\.(?:(?:z\d+|privatelink)\.)?(blob|dfs|file|queue|table|web)\.(?:core\.|storage\.azure\.net$)/;
const ROUTING = /-(?:internetrouting|microsoftrouting)$/;
const SECONDARY = /-secondary$/;

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

/** Values come with quotation marks out of files that are read by a shell, and not by what reads them here. */
export function checkValue(value: string, option: string): void {
  if (/"|^'|'$/.test(value)) throw new TypeError(`${option} has a quotation mark: leave it out`);
  if (/[\s\p{Cc}]/u.test(value)) throw new TypeError(`${option} has a blank or a line break inside`);
}

/**
 * A URL, or a `TypeError` that names the option. The value may bear a signature, so only its scheme and host are
 * quoted. Blanks and line breaks at its ends are no part of it; inside, `URL` itself would take some of them out and
 * say nothing.
 */
export function parseUrl(url: unknown, option: string): URL {
  if (typeof url !== "string") throw new TypeError(`${option} must be a URL`);
  const text = url.trim();
  checkValue(text, option);
  if (!URL.canParse(text)) throw new TypeError(`${option} must be a URL`);
  const parsed = new URL(text);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:")
    throw new TypeError(`${option} must be an https URL, not ${parsed.protocol}`);
  if (parsed.pathname.includes("//")) throw new TypeError(`${option} must have a path without empty segments`);
  if (parsed.username !== "" || parsed.password !== "")
    throw new TypeError(`${option} must be a URL without a user and a password`);
  if (parsed.hash !== "") throw new TypeError(`${option} must be a URL without a fragment (#)`);
  return parsed;
}

/** The parts of a URL of the blob service. */
export interface BlobUrl {
  /** The URL of the account, with the query of the whole URL. */
  readonly account: URL;
  readonly container: string | undefined;
  /** Whether the path goes on after the container. */
  readonly isBlob: boolean;
}

/**
 * Throws `TypeError` if it is that of another service, of the account's secondary, or of another account than the one
 * named.
 */
export function readBlobUrl(url: URL, option: string, accountName?: string): BlobUrl {
  const segments = url.pathname.split("/").filter((segment) => segment !== "");
  const found = isPathStyle(url, segments[0], accountName) ? segments.shift() : undefined;
  if (found === undefined) checkHost(url, option, accountName);
  else if (SECONDARY.test(found)) throw new TypeError(secondaryText(option, at(url, found.replace(SECONDARY, ""))));
  const isOther = found !== undefined && accountName !== undefined && found !== accountName;
  const [container, ...blob] = isOther ? [found, ...segments] : segments;
  return { account: at(url, isOther ? accountName : found), container, isBlob: blob.length > 0 };
}

/**
 * The URL of an account, or a `TypeError` that says what to write instead. The SDK would put our container behind
 * whatever path there is.
 */
export function parseEndpoint(text: unknown, option: string, accountName?: string): URL {
  const url = parseUrl(text, option);
  if (url.searchParams.has("sig"))
    throw new TypeError(`${option} must be a URL without a query; one with a shared access signature goes into sasUrl`);
  const { account, container } = readBlobUrl(url, option, accountName);
  account.search = "";
  if (container === undefined && url.search !== "") throw new TypeError(`${option} must be a URL without a query`);
  if (container === undefined) return account;
  const endpoint = account.href.replace(/\/$/, "");
  const name = isContainerName(container) ? container : "locks";
  const [setting] = option.split(" ");
  const instead = setting === "endpoint" ? `endpoint: "${endpoint}",` : `${setting}=${endpoint} and`;
  throw new TypeError(`${option} must end with the account, and names more: write ${instead} containerName: "${name}"`);
}

/** The URL without container and blob, its query kept. */
function at(url: URL, account: string | undefined): URL {
  const found = new URL(url);
  found.pathname = `/${account ?? ""}`;
  return found;
}

/**
 * Addresses without a name of their own carry the account in the path; names with dots do so only where they serve the
 * emulator.
 */
function isPathStyle(
  { hostname, port, protocol }: URL,
  first: string | undefined,
  accountName: string = EMULATOR.accountName,
): boolean {
  if (IP_ADDRESS.test(hostname) || !hostname.includes(".") || hostname === "host.docker.internal") return true;
  return first === accountName && !hostname.startsWith(`${accountName}.`) && (port !== "" || protocol === "http:");
}

function checkHost({ protocol, hostname }: URL, option: string, accountName: string | undefined): void {
  const [, label = "", service] = AZURE_HOST.exec(hostname) ?? [];
  if (service === undefined) return;
  const primary = label.replace(SECONDARY, "");
  const right = `${protocol}//${primary}${hostname.slice(label.length).replace(`.${service}.`, ".blob.")}`;
  if (service !== "blob")
    throw new TypeError(
      `${option} must be the account's blob endpoint, such as ${right}, and is that of its ${service} service`,
    );
  if (primary !== label) throw new TypeError(secondaryText(option, right));
  const account = label.replace(ROUTING, "");
  if (accountName !== undefined && account !== accountName)
    throw new TypeError(`${option} must be that of the account "${accountName}", not that of "${account}"`);
}

/** The secondary is a copy that lags behind: a lock that is read there may have another holder by now. */
function secondaryText(option: string, right: URL | string): string {
  const url = typeof right === "string" ? right : `${right.origin}${right.pathname}`;
  return `${option} must be the account's primary endpoint, ${url}, not its secondary`;
}

/** Throws `TypeError` if the lock would travel in the clear to somewhere else than this machine. */
export function checkTransport({ protocol, hostname, host }: URL, option: string, allowHttp: boolean): void {
  if (protocol === "https:" || allowHttp || isLoopback(hostname)) return;
  throw new TypeError(
    `${option} is plain http to ${host}, which is not this machine; use https, or say allowHttp: true`,
  );
}

/** Whether the host is this machine, by its name or its address. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}

/** From when and until when the shared access signature in a URL is good, in milliseconds since 1970; NaN without. */
export function signedTimes({ searchParams }: URL): { readonly signedFrom: number; readonly signedUntil: number } {
  return {
    signedFrom: Date.parse(searchParams.get("st") ?? ""),
    signedUntil: Date.parse(searchParams.get("se") ?? ""),
  };
}
