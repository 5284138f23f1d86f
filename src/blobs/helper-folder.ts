import { createHash } from "node:crypto";
import { RESERVED_PREFIX } from "../store/azure/blob-name.ts";
import type { HelperKind } from "../store/operation.ts";

const KEY_FOLDER = /^\.azmutex\/[0-9a-f]{64}\//;

/**
 * The folder of a blob's helper blobs, of all kinds: one listing shows every user of a key. The helpers of a helper
 * blob are in the same folder.
 */
export function helpersOf(name: string): string {
  if (name.startsWith(RESERVED_PREFIX)) return name.slice(0, name.lastIndexOf("/") + 1);
  // Not the name itself: the folder of "a" would list the helpers of "a/b", and a long name would not fit.
  return `${RESERVED_PREFIX}${createHash("sha256").update(name).digest("hex")}/`;
}

/** The folder of the key that a helper blob belongs to, or undefined if it is not a helper blob. */
export function keyFolderOf(name: string): string | undefined {
  return KEY_FOLDER.exec(name)?.[0];
}

/** What the names of a blob's helpers begin with, for one kind or for all. */
export function helperPrefix(name: string, kind?: HelperKind): string {
  return `${helpersOf(name)}${kind === undefined ? "" : `${kind}/`}`;
}
