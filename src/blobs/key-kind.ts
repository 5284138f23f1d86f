import { type KeyKind, KeyKindMismatchError } from "../errors.ts";
import type { Metadata } from "../store/lease-store.ts";

/**
 * The entry of the metadata that says what a key is used as. It is no part of the record: an earlier version writes
 * that anew, and keeps this.
 */
const KIND_ENTRY = "azmutex_kind";
/** Another version may know more kinds. */
const KIND = /^[a-z][a-z-]{0,31}$/;

/**
 * What the blob says that its key is used as. Undefined where no user has written it: a peer without a record, an
 * earlier version.
 */
export function kindIn(metadata: Metadata): string | undefined {
  const found = metadata[KIND_ENTRY];
  return found !== undefined && KIND.test(found) ? found : undefined;
}

/** The metadata with the kind in it, if there is one. All other entries stay as they are. */
export function withKind(metadata: Metadata, kind: KeyKind | undefined): Metadata {
  return kind === undefined ? metadata : { ...metadata, [KIND_ENTRY]: kind };
}

/** Throws `KeyKindMismatchError` if the blob says that its key is used as something else. */
export function checkKind(key: string, stated: KeyKind | undefined, metadata: Metadata): void {
  const found = kindIn(metadata);
  if (stated !== undefined && found !== undefined && found !== stated)
    throw new KeyKindMismatchError(key, stated, found);
}
