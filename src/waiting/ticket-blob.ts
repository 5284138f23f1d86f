import { type TicketText, ticketMetadata } from "../blobs/queue-ticket.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { isUnsure, retry, retryDelayMs } from "../lease/retry.ts";
import type { StandingLease } from "../lease/standing-lease.ts";
import { sleep } from "../time/clock.ts";

/** How long a ticket outlives its owner, in seconds. */
export const TICKET_LEASE_SECONDS = 60;
/**
 * How long after one release the lease of a ticket that cannot be deleted is released again, in milliseconds, while an
 * acquire of it may still be on its way.
 */
const RELEASED_AGAIN_AFTER_MS = 10_000;

/** The blob of a ticket, and its lease. */
export class TicketBlob {
  readonly #blob: LockBlob;
  readonly #text: TicketText;
  readonly #standing: StandingLease;
  #wasMade = false;
  /** How many acquires of its lease went unanswered: each may take the lease at any time, also after a later one. */
  #unanswered = 0;
  #isUndeletable = false;

  constructor(blob: LockBlob, text: TicketText) {
    this.#blob = blob;
    this.#text = text;
    this.#standing = { name: blob.name, leaseId: blob.newId() };
  }

  /** Makes the blob, anew if it was made before. False if the container is gone. */
  async make(): Promise<boolean> {
    if (this.#wasMade) await this.#removeOldOne();
    this.#wasMade = true;
    return (await this.#blob.create(ticketMetadata(this.#text))).kind !== "missing";
  }

  async lease(): Promise<void> {
    const { leaseId } = this.#standing;
    this.#unanswered += 1;
    this.#blob.standing.add(this.#standing);
    await this.#blob.acquire(leaseId, TICKET_LEASE_SECONDS);
    this.#unanswered -= 1;
  }

  /** Whether its lease was renewed, and not refused. */
  async renew(): Promise<boolean> {
    const { kind } = await this.#blob.renew(this.#standing.leaseId);
    this.#blob.standing.renewed(this.#standing);
    return kind !== "refused";
  }

  /** How long to wait after a renewal that failed, in milliseconds. */
  get retryDelayMs(): number {
    return retryDelayMs(3, this.#blob.random);
  }

  /**
   * Deletes the blob. Resolves when that was answered or nothing is left of the lease; or when it ended, where it may
   * not be deleted.
   */
  async delete(leftMs: () => number): Promise<void> {
    const { clock, random } = this.#blob;
    let tries = 0;
    const tryOnce = async (): Promise<true | number> => {
      // At least one request is sent: a renewal that is on its way would revive a lease that has run out.
      if (tries > 0 && leftMs() === 0) return true;
      tries += 1;
      const restMs = await this.#deleteOnce(retryDelayMs(tries, random));
      return restMs === undefined || Math.min(restMs, leftMs());
    };
    try {
      await retry(this.#blob, tryOnce, { pause: (ms) => sleep(clock, ms, { keepAlive: false }) });
    } finally {
      this.#blob.standing.delete(this.#standing);
    }
  }

  /** How long to rest before the next try, in milliseconds; undefined when the ticket is out of the queue. */
  async #deleteOnce(restMs: number): Promise<number | undefined> {
    try {
      if (this.#isUndeletable ? await this.#endLease() : await this.#removeLeasedOrNot()) return undefined;
      return this.#isUndeletable ? RELEASED_AGAIN_AFTER_MS : restMs;
    } catch (error) {
      if (isUnsure(error)) return restMs;
      this.#blob.removals.failed(error, this.#blob.log);
      // A ticket that may not be deleted leaves the queue with its lease; one that may not be released either lapses.
      if (this.#isUndeletable) return TICKET_LEASE_SECONDS * 1_000;
      this.#isUndeletable = true;
      return 0;
    }
  }

  /** Whether the ticket stays out of the queue: an acquire that is still on its way would bring it back. */
  async #endLease(): Promise<boolean> {
    await this.#blob.release(this.#standing.leaseId);
    return this.#unanswered === 0;
  }

  /** Where the credentials may not delete, the old blob stays, and is leased again. */
  async #removeOldOne(): Promise<void> {
    try {
      await this.#removeLeasedOrNot();
    } catch (error) {
      if (isUnsure(error)) throw error;
    }
  }

  /** Whether it is gone. A ticket without a lease has lapsed, or its acquire is on its way and will find no blob. */
  async #removeLeasedOrNot(): Promise<boolean> {
    return (await this.#remove(this.#standing.leaseId)) || (await this.#remove());
  }

  async #remove(leaseId?: string): Promise<boolean> {
    const answer = await this.#blob.remove({ leaseId });
    if (answer.kind === "removed") this.#blob.removals.succeeded();
    return answer.kind === "removed" || answer.why === "deleted";
  }
}
