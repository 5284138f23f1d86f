import type { Metadata, StoredBlob } from "../store/lease-store.ts";
import type { HelperKind } from "../store/operation.ts";
import { jsonOf, toAsciiJson } from "./metadata-json.ts";

/** The kind of a semaphore's helper blobs. */
export const SLOTS: HelperKind & "semaphore" = "semaphore";
export const MOST_PERMITS = 1_000;
/** The entry in a slot's metadata that says what it is a slot of. */
const SLOT_ENTRY = "azmutex_semaphore";
const SLOT_NAME = /^\.azmutex\/[0-9a-f]{64}\/semaphore\/(\d{3})$/;

/** A permit of a semaphore: a blob whose lease it is. */
export interface PermitSlot {
  /** Which one it is, from 0. */
  readonly slot: number;
  /** What the semaphore is called, and how many permits it has. Undefined where the blob does not say so. */
  readonly key: string | undefined;
  readonly permits: number | undefined;
}

/** The name of a slot, given the folder of the semaphore's helper blobs. */
export function slotName(folder: string, slot: number): string {
  return `${folder}${SLOTS}/${String(slot).padStart(3, "0")}`;
}

/**
 * The name of the gate for which processes queue with `fair`. Not among the slots: a look for a permit would list the
 * queue, too.
 */
export function gateName(folder: string): string {
  return `${folder}semaphore-gate/gate`;
}

/**
 * What a slot bears besides the record of its holder. The key is there in full: nothing else leads from the folder's
 * name back to it.
 */
export function slotMetadata(key: string, permits: number): Metadata {
  return { [SLOT_ENTRY]: toAsciiJson({ key, permits }) };
}

/** The slot that a blob is, or undefined if it is none. */
export function slotIn({ key: name, metadata }: StoredBlob): PermitSlot | undefined {
  const digits = SLOT_NAME.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const { key, permits } = (jsonOf(metadata[SLOT_ENTRY]) ?? {}) as { key?: unknown; permits?: unknown };
  return {
    slot: Number(digits),
    key: typeof key === "string" ? key : undefined,
    permits: isNumberOfPermits(permits) ? permits : undefined,
  };
}

export function isNumberOfPermits(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_PERMITS;
}
