import { Stopwatch, sleep } from "../clock.ts";
import { untilAnswered } from "../lease/attempt.ts";
import { ServiceTime } from "../lease/fencing.ts";
import { HelperFolder, helperFolders } from "../lease/helper-folder.ts";
import type { StoredBlob } from "../lease/lease-store.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { jsonOf, toAsciiJson } from "../lease/metadata-json.ts";
import { changeLease, releaseLease } from "../lease/release.ts";
import type { Holder } from "../options.ts";
import { Ticket } from "./ticket.ts";

const KIND = "queue";
/** Where the tickets of all keys are. */
export const QUEUE_PREFIX: string = helperFolders(KIND);
/** A ticket that is not leased and was not written for so long belongs to somebody who is dead. */
const DEAD_AFTER_MS = 60_000;
/** For how long a hand-over to somebody who gave up may still be on its way. */
const LATE_HAND_OVER_MS = 60_000;
const TICKET = "azmutex_ticket";

/** A ticket of somebody who waits. */
export interface WaitingTicket {
  readonly key: string;
  readonly name: string;
  /** When its owner came, in milliseconds since 1970 by the service's clock, of whole seconds. */
  readonly arrivedAt: number;
  /** When it was made, in the same way: later, if a task waited in its process before. */
  readonly madeAt: number;
  /** The id its owner will have on the lock. */
  readonly leaseId: string;
  readonly holder: Holder;
}

export interface Waiting {
  /** First come, first. */
  readonly tickets: readonly WaitingTicket[];
  /** Undefined if there was nothing to list. */
  readonly time: ServiceTime | undefined;
}

/** When somebody came who had waited for so long when the service gave the date. */
export function arrivalOf(date: number, waitedMs: number): number {
  return Math.ceil((date - waitedMs) / 1_000) * 1_000;
}

/** The queue between processes for one key: a folder of tickets, in which everybody can see who is next. */
export class FairQueue {
  readonly #blob: LockBlob;
  readonly #tryTimeoutMs: number;
  readonly #folder: HelperFolder;

  constructor(blob: LockBlob, tryTimeoutMs: number) {
    this.#blob = blob;
    this.#tryTimeoutMs = tryTimeoutMs;
    this.#folder = new HelperFolder(blob, KIND, tryTimeoutMs);
  }

  ticket(arrivedAt: number, leaseId: string, holder: Holder): Ticket {
    const name = `${this.#folder.prefix}${String(arrivedAt).padStart(15, "0")}-${leaseId}`;
    const metadata = { [TICKET]: toAsciiJson({ key: this.#blob.name, leaseId, holder }) };
    return new Ticket(this.#blob, { name, metadata, tryTimeoutMs: this.#tryTimeoutMs });
  }

  /** Everybody who waits, in order. Tickets of the dead are swept away on the side. */
  async waiting(signal?: AbortSignal): Promise<Waiting> {
    const { found, ...waiting } = await this.#list(signal);
    this.#folder.sweep(found, DEAD_AFTER_MS);
    return waiting;
  }

  /** The same, for somebody who only looks. */
  async look(signal?: AbortSignal): Promise<Waiting> {
    return await this.#list(signal);
  }

  async #list(signal: AbortSignal | undefined): Promise<Waiting & { readonly found: readonly StoredBlob[] }> {
    const found = await this.#folder.list(signal);
    const tickets = found.flatMap((blob) => ticketIn(blob) ?? []);
    const [first] = found;
    return { found, tickets, time: first && new ServiceTime(this.#blob.clock, first.date) };
  }

  /**
   * Gives the lock to the first who waits, or back to the service: for somebody who may have been given it, or may yet be,
   * and does not want it any more. Again and again for a minute, until it turns out to have been ours.
   */
  async giveUp(leaseId: string, ticket: Ticket | undefined): Promise<void> {
    const since = new Stopwatch(this.#blob.clock);
    await ticket?.leave();
    for (let wait = this.#tryTimeoutMs; ; wait *= 3) {
      if (await this.#passOn(leaseId)) return;
      const left = LATE_HAND_OVER_MS - since.elapsedMs;
      if (!ticket || left <= 0) return;
      await sleep(this.#blob.clock, Math.max(this.#tryTimeoutMs, Math.min(wait, left)), { keepAlive: false });
    }
  }

  /** Whether the lock was ours, and is not any more. */
  async #passOn(leaseId: string): Promise<boolean> {
    const { key, log } = this.#blob;
    try {
      const { tickets } = await untilAnswered(this.#blob, () => this.waiting());
      const next = tickets.find((ticket) => ticket.leaseId !== leaseId);
      const options = { timeoutMs: this.#tryTimeoutMs, mayReturn: false };
      const answer = await (next ? changeLease(this.#blob, leaseId, next.leaseId, options) : releaseLease(this.#blob, leaseId, options));
      return answer.kind === "released";
    } catch (error) {
      log(`a lease on "${key}" could not be passed on; if it stands, it lapses by itself: ${String(error)}`);
      return false;
    }
  }
}

/** The ticket that a blob is, if its owner keeps it leased. */
export function ticketIn({ key: name, leaseState, lastModified, metadata }: StoredBlob): WaitingTicket | undefined {
  if (leaseState !== "leased") return undefined;
  const arrivedAt = Number(/\/(\d{15})-[^/]*$/.exec(name)?.[1] ?? Number.NaN);
  const said = jsonOf(metadata[TICKET]) as Partial<WaitingTicket> | undefined;
  if (!Number.isFinite(arrivedAt) || typeof said?.key !== "string" || typeof said.leaseId !== "string" || !said.holder) return undefined;
  return { key: said.key, name, arrivedAt, madeAt: lastModified, leaseId: said.leaseId, holder: said.holder };
}
