import type { Metadata, StoredBlob } from "../store/lease-store.ts";
import type { HelperKind } from "../store/operation.ts";
import { type Holder, isHolder } from "./holder.ts";
import { jsonOf, toAsciiJson } from "./metadata-json.ts";

/** The kind of the blobs that processes lease while they read. */
export const READERS: HelperKind & "reader-writer-lock" = "reader-writer-lock";
const READER_ENTRY = "azmutex_reader";
const READER_NAME = /^\.azmutex\/[0-9a-f]{64}\/reader-writer-lock\/[^/]+$/;

/** Whose blob it is, and what is read. */
export interface ReaderBlob {
  readonly key: string;
  readonly holder: Holder;
}

export function readerMetadata({ key, holder }: ReaderBlob): Metadata {
  return { [READER_ENTRY]: toAsciiJson({ key, holder }) };
}

/** What the blob of a process that reads says of itself, or undefined if it is none. */
export function readerIn({ key: name, metadata }: StoredBlob): ReaderBlob | undefined {
  if (!READER_NAME.test(name)) return undefined;
  const { key, holder } = (jsonOf(metadata[READER_ENTRY]) ?? {}) as Partial<ReaderBlob>;
  return typeof key === "string" && isHolder(holder) ? { key, holder } : undefined;
}
