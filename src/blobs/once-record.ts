import type { Metadata, StoredBlob } from "../store/lease-store.ts";
import type { HelperKind } from "../store/operation.ts";
import { helpersOf } from "./helper-folder.ts";
import { jsonOf, shortened, toAsciiJson } from "./metadata-json.ts";
import { checkSlot, type Slot, type SlotKind, slotFrom, slotValue } from "./once-slot.ts";

/** The last slot of a key that was begun, and what came of it. Times are by the service's clock, of whole seconds. */
export interface OnceRecord {
  /** The slot. */
  readonly slot: Slot;
  /**
   * `started`: the work was begun, and runs or has crashed; `done`; `failed`: the work threw; `crashed`: the work was
   * begun, did not end, and was given up.
   */
  readonly state: OnceState;
  /** How often the work was begun for this slot, from 1. */
  readonly attempt: number;
  /** The name of the process that wrote this: the holder of the lock. */
  readonly by: string;
  /** The fencing token of that holder. It never gets lower. */
  readonly token: number;
  /** When the last attempt was begun. */
  readonly startedAt: Date;
  /** When it ended, or was given up. Undefined while the state is `started`. */
  readonly endedAt?: Date;
  /** The last slot that is done. Undefined if none is. */
  readonly lastDone?: Slot;
}

/** What came of a slot up to now. */
export type OnceState = "started" | "done" | "failed" | "crashed";

/** The kind of the helper blob that bears the record. */
const ONCE: HelperKind & "once" = "once";
const ENTRY = "azmutex_once";
const RECORD_BLOB_NAME = /^\.azmutex\/[0-9a-f]{64}\/once\/record$/;
const VERSION = 1;
const SLOT_STATES: readonly string[] = ["started", "done", "failed", "crashed"] satisfies OnceState[];
/** Of the holder's name as JSON: a long key needs the rest of the 8 KB. */
const MOST_NAME_BYTES = 512;

/** A record of this version, or why what there is is none. */
export type FoundRecord = { readonly key: string; readonly record: OnceRecord } | { readonly problem: string };

/** The name of the blob that bears the record of a key. */
export function onceRecordName(key: string): string {
  return `${helpersOf(key)}${ONCE}/record`;
}

/** What the blob of a record bears. The key is there in full: nothing else leads from the folder's name back to it. */
export function onceMetadata(key: string, { slot, lastDone, startedAt, endedAt, by, ...record }: OnceRecord): Metadata {
  const entry = {
    v: VERSION,
    key,
    kind: checkSlot(slot),
    slot: slotValue(slot),
    ...(lastDone !== undefined && { lastDone: slotValue(lastDone) }),
    ...record,
    by: shortened(by, MOST_NAME_BYTES),
    startedAt: startedAt.getTime(),
    ...(endedAt && { endedAt: endedAt.getTime() }),
  };
  return { [ENTRY]: toAsciiJson(entry) };
}

/** What a blob's metadata says of the slots of a key. */
export function onceRecordIn(metadata: Metadata): FoundRecord {
  const written = metadata[ENTRY];
  if (written === undefined) return { problem: "the blob bears no record" };
  const found = jsonOf(written) as Readonly<Record<string, unknown>> | undefined;
  if (!found) return { problem: "it is no JSON object" };
  const { v, key, kind, slot, lastDone, state, attempt, by, token, startedAt, endedAt } = found;
  if (typeof v === "number" && v > VERSION) return { problem: `it is of version ${v}, and this one reads ${VERSION}` };
  const isOfKind = (value: unknown): boolean => slotFrom(kind as SlotKind, value) !== undefined;
  const isWhole =
    v === VERSION &&
    typeof key === "string" &&
    isOfKind(slot) &&
    (lastDone === undefined || isOfKind(lastDone)) &&
    SLOT_STATES.includes(state as string) &&
    isPositive(attempt) &&
    typeof by === "string" &&
    isPositive(token) &&
    isTime(startedAt) &&
    (endedAt === undefined || isTime(endedAt));
  if (!isWhole) return { problem: "another program has written it" };
  const record = {
    slot: slotFrom(kind as SlotKind, slot) as Slot,
    state: state as OnceState,
    attempt: attempt as number,
    by: by as string,
    token: token as number,
    startedAt: new Date(startedAt as number),
    ...(endedAt !== undefined && { endedAt: new Date(endedAt as number) }),
    ...(lastDone !== undefined && { lastDone: slotFrom(kind as SlotKind, lastDone) as Slot }),
  };
  return { key: key as string, record };
}

/** The record that a helper blob bears, or undefined if it is no such blob or bears none that can be read. */
export function onceBlobIn({ key: name, metadata }: StoredBlob): Extract<FoundRecord, { key: string }> | undefined {
  if (!RECORD_BLOB_NAME.test(name)) return undefined;
  const found = onceRecordIn(metadata);
  return "problem" in found ? undefined : found;
}

function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && !Number.isNaN(new Date(value).getTime());
}
