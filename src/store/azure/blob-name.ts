import { InvalidKeyError, shown } from "../../errors.ts";

/** Where azmutex keeps its helper blobs. */
export const RESERVED_PREFIX = ".azmutex/";

/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const LONGEST_NAME = 1_024;
const MOST_SEGMENTS = 254;
const CONTAINER_NAME = /^[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]$/;

/**
 * Control characters, private-use code points, halves of surrogate pairs and non-characters: what the service refuses
 * or URLs cannot carry.
 */
const UNSAFE_CHARACTER = /[\p{Cc}\p{Co}\p{Cs}\u{fdd0}-\u{fdef}\u{fffe}\u{ffff}]/u;

/**
 * Throws `InvalidKeyError` unless the service would keep the key, to the letter, as the name of a blob. URLs and the
 * service rewrite some names silently (`a/../b`, `a/./b`, `a\b`, `a/`): two keys would then be one lock.
 */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== "string")
    throw new InvalidKeyError(`key must be a string, not ${key === null ? "null" : typeof key}`);
  const fault = faultOf(key);
  if (fault) throw new InvalidKeyError(`key ${quoted(key)} ${fault}`, key);
}

/** Whether a text that was found somewhere is a key. */
export function isKey(text: string): boolean {
  return faultOf(text) === undefined;
}

/** Whether the service would take the text for the name of a container. */
export function isContainerName(text: string): boolean {
  return CONTAINER_NAME.test(text);
}

/** Throws `TypeError` unless the service would take the name for a container. */
export function checkContainerName(name: unknown, option = "containerName"): asserts name is string {
  if (typeof name !== "string" || !CONTAINER_NAME.test(name)) {
    const rule = "3 to 63 lower-case letters, digits and single hyphens, neither first nor last a hyphen";
    throw new TypeError(`${option} must be ${rule}, not ${shown(name)}`);
  }
}

/** Throws `TypeError` unless `prefix` can begin a key. */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  if (
    typeof prefix !== "string" ||
    prefix.length > LONGEST_NAME ||
    UNSAFE_CHARACTER.test(prefix) ||
    prefix.includes("\\")
  ) {
    throw new TypeError(`prefix must be the beginning of a key, not ${shown(prefix)}`);
  }
}

function faultOf(key: string): string | undefined {
  if (key === "") return "is empty";
  if (key.length > LONGEST_NAME) return `has ${key.length} characters; a blob's name has at most ${LONGEST_NAME}`;
  if (UNSAFE_CHARACTER.test(key)) return "has a character that cannot stand in a blob's name";
  if (key.includes("\\")) return "has a backslash, which URLs turn into a slash";
  const segments = key.split("/");
  if (segments.length > MOST_SEGMENTS)
    return `has ${segments.length} segments; a blob's name has at most ${MOST_SEGMENTS}`;
  if (key.endsWith("/")) return "ends with a slash, which the service drops";
  if (segments.some((segment) => segment === "." || segment === ".."))
    return 'has a segment "." or "..", which URLs resolve';
  if (segments.some((segment) => segment.endsWith(".")))
    return "has a segment that ends with a dot, which the service drops";
  if (key.startsWith(RESERVED_PREFIX) || `${key}/` === RESERVED_PREFIX)
    return `is in "${RESERVED_PREFIX}", which azmutex keeps for itself`;
  return undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.length <= 100 ? text : `${text.slice(0, 97)}…`);
}
