import type { Metadata, StoredBlob } from "../store/lease-store.ts";
import type { HelperKind } from "../store/operation.ts";
import { helperPrefix } from "./helper-folder.ts";
import { type HolderDescription, isHolder } from "./holder.ts";
import { jsonOf, toAsciiJson } from "./metadata-json.ts";

/** The kind of the tickets. P35: a folder for each key, whose tickets sort by arrival. */
export const QUEUE: HelperKind & "queue" = "queue";
const TICKET_ENTRY = "azmutex_ticket";
const TICKET_NAME = /\/(\d{15})-[^/]*$/;

/** A longer ticket is without its record: the service takes 8 KB. */
const LONGEST_WITH_RECORD = 4_096;

/** What a waiter writes into its ticket. */
export interface TicketText extends Pick<HolderDescription, "holder"> {
  readonly key: string;
  /** The id its owner will have on the lock. */
  readonly leaseId: string;
  /** What another process may write into its record, besides its name. Default: the waiter writes it itself. */
  readonly record?: TicketRecord | undefined;
}

export type TicketRecord = Pick<HolderDescription, "kind" | "purpose" | "leaseSeconds">;

/** A ticket of a waiter. */
export interface WaitingTicket extends TicketText {
  readonly name: string;
  /** When its owner came, in milliseconds since 1970 by the service's clock, of whole seconds. */
  readonly arrivedAt: number;
  /** When it was made, in the same way: later, if a task waited in its process before. */
  readonly madeAt: number;
}

/** Whether it can stand in a ticket's name. */
export function isArrival(ms: number): boolean {
  return ms >= 0 && ms < 1e15;
}

/** The name of a ticket in the queue of the blob of that name. */
export function ticketName(blobName: string, arrivedAt: number, leaseId: string): string {
  return `${helperPrefix(blobName, QUEUE)}${String(arrivedAt).padStart(15, "0")}-${leaseId}`;
}

export function ticketMetadata({ record, ...text }: TicketText): Metadata {
  const whole = toAsciiJson({ ...text, record });
  return { [TICKET_ENTRY]: whole.length <= LONGEST_WITH_RECORD ? whole : toAsciiJson(text) };
}

/** The tickets in a folder of helper blobs, first come first. */
export function ticketsIn(folder: string, found: readonly StoredBlob[]): readonly WaitingTicket[] {
  return found.flatMap((blob) => (blob.key.startsWith(`${folder}${QUEUE}/`) ? (ticketIn(blob) ?? []) : []));
}

/** The ticket that a blob is, if its owner keeps it leased. */
export function ticketIn({ key: name, leaseState, lastModified, metadata }: StoredBlob): WaitingTicket | undefined {
  if (leaseState !== "leased") return undefined;
  const arrivedAt = Number(TICKET_NAME.exec(name)?.[1] ?? Number.NaN);
  const said = jsonOf(metadata[TICKET_ENTRY]) as Partial<WaitingTicket> | undefined;
  if (!Number.isFinite(arrivedAt) || typeof said?.key !== "string" || typeof said.leaseId !== "string")
    return undefined;
  const { key, leaseId, holder, record } = said;
  if (!isHolder(holder)) return undefined;
  const ticket = { key, name, arrivedAt, madeAt: lastModified, leaseId, holder };
  return isTicketRecord(record) ? { ...ticket, record } : ticket;
}

function isTicketRecord(found: unknown): found is TicketRecord {
  if (typeof found !== "object" || found === null) return false;
  const { kind, purpose, leaseSeconds } = found as Partial<TicketRecord>;
  const areTexts = [kind, purpose].every((text) => text === undefined || typeof text === "string");
  return areTexts && Number.isFinite(leaseSeconds);
}
