import { checkAccountKey, checkAccountName, checkValue, EMULATOR, parseUrl } from "./endpoint.ts";

/** What a connection string says. */
export interface ConnectionParts {
  readonly endpoint: string;
  readonly accountName?: string;
  readonly accountKey?: string;
  /** Without the question mark. */
  readonly sas?: string;
}

/** The parts that a connection string may have. Those of other services are read over. */
const PARTS = [
  "AccountName",
  "AccountKey",
  "SharedAccessSignature",
  "DefaultEndpointsProtocol",
  "EndpointSuffix",
  "UseDevelopmentStorage",
  "DevelopmentStorageProxyUri",
  ...["Blob", "Queue", "Table", "File"].flatMap((service) => [`${service}Endpoint`, `${service}SecondaryEndpoint`]),
  "DfsEndpoint",
  "WebEndpoint",
];
const NAME_OF_PART: ReadonlyMap<string, string> = new Map(PARTS.map((name) => [name.toLowerCase(), name]));

/**
 * Reads a storage connection string. Throws a `TypeError` that names what is wrong and quotes no value: any of them may
 * be a secret.
 * https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
 */
export function parseConnectionString(text: unknown): ConnectionParts {
  if (typeof text !== "string" || text.trim() === "") throw new TypeError("connectionString is empty");
  const parts = partsOf(text.trim());
  const developmentStorage = parts.get("UseDevelopmentStorage")?.toLowerCase();
  if (developmentStorage === "true") return emulatorParts(parts);
  if (developmentStorage !== undefined && developmentStorage !== "false")
    throw new TypeError("UseDevelopmentStorage in connectionString must be true");

  const accountName = parts.get("AccountName");
  const accountKey = parts.get("AccountKey");
  const sas = parts.get("SharedAccessSignature")?.replace(/^\?/, "");
  const endpoint =
    parts.get("BlobEndpoint") ?? (accountName === undefined ? undefined : endpointOf(accountName, parts));
  if (endpoint === undefined) throw new TypeError("connectionString lacks AccountName or BlobEndpoint");
  if (sas) return { endpoint, sas, ...(accountName !== undefined && { accountName }) };
  if (accountName === undefined) throw new TypeError("connectionString lacks AccountName");
  if (accountKey === undefined) throw new TypeError("connectionString lacks AccountKey or SharedAccessSignature");
  checkAccountKey(accountKey, "AccountKey in connectionString");
  return { endpoint, accountName, accountKey };
}

/** Names as Azure writes them, whatever the case. Blanks around a part are no part of it. */
function partsOf(text: string): ReadonlyMap<string, string> {
  if (/^["']|["']$/.test(text))
    throw new TypeError("connectionString begins or ends with a quotation mark: leave it out");
  if (/[\r\n]/.test(text)) throw new TypeError("connectionString has a line break inside");
  const parts = new Map<string, string>();
  for (const [index, part] of text.split(";").entries()) {
    const piece = part.trim();
    if (piece === "") continue;
    const at = piece.indexOf("=");
    if (at < 1) throw new TypeError("connectionString is malformed: every part must be Name=value");
    const value = piece.slice(at + 1);
    const name = NAME_OF_PART.get(piece.slice(0, at).toLowerCase());
    if (name === undefined)
      throw new TypeError(
        `connectionString has a part of unknown name, ${unknownPart(index, piece.slice(0, at), value)}`,
      );
    if (parts.has(name)) throw new TypeError(`connectionString has ${name} twice`);
    checkValue(value, `${name} in connectionString`);
    parts.set(name, value);
  }
  return parts;
}

/** Where a key was broken in two, its rest looks like a name: only what can be no piece of one is quoted. */
function unknownPart(index: number, name: string, value: string): string {
  const isHarmless = /^[A-Za-z]{1,30}$/.test(name) && !/^=*$/.test(value);
  return `${isHarmless ? `"${name}", ` : ""}which is number ${index + 1}`;
}

function endpointOf(accountName: string, parts: ReadonlyMap<string, string>): string {
  checkAccountName(accountName, "AccountName in connectionString");
  const protocol = parts.get("DefaultEndpointsProtocol") ?? "https";
  const suffix = parts.get("EndpointSuffix") ?? "core.windows.net";
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*(:\d+)?$/i.test(suffix))
    throw new TypeError("EndpointSuffix in connectionString must be the end of a host name, such as core.windows.net");
  return `${protocol}://${accountName}.blob.${suffix}`;
}

function emulatorParts(parts: ReadonlyMap<string, string>): ConnectionParts {
  const { accountName, accountKey, endpoint } = EMULATOR;
  const other = ["AccountName", "AccountKey", "SharedAccessSignature", "BlobEndpoint"].find((name) => parts.has(name));
  if (other !== undefined)
    throw new TypeError(`connectionString has UseDevelopmentStorage=true and ${other}: leave one out`);
  const proxy = parts.get("DevelopmentStorageProxyUri");
  if (!proxy) return { accountName, accountKey, endpoint };
  const { protocol, hostname, port, pathname, search, hash } = parseUrl(
    proxy,
    "DevelopmentStorageProxyUri in connectionString",
  );
  if (port !== "" || pathname !== "/" || search !== "" || hash !== "")
    throw new TypeError(
      "DevelopmentStorageProxyUri in connectionString must be a scheme and a host alone, such as http://azurite",
    );
  return { accountName, accountKey, endpoint: `${protocol}//${hostname}:10000/${accountName}` };
}

/** The connection string of an Azurite at this port of the loopback interface. */
export function emulatorConnectionString(port: number): string {
  const { accountName, accountKey } = EMULATOR;
  const endpoint = `http://127.0.0.1:${port}/${accountName}`;
  return `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${endpoint};`;
}
