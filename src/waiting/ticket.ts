import type { TicketText } from "../blobs/queue-ticket.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { unlessAborted } from "../time/abort.ts";
import { type Clock, Stopwatch, type Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import { TICKET_LEASE_SECONDS, TicketBlob } from "./ticket-blob.ts";

const LEASE_MS = TICKET_LEASE_SECONDS * 1_000;
/** Leaves half a minute for renewals that fail. A ticket that lapses all the same is taken again. */
const RENEW_EVERY_MS = LEASE_MS / 2;

/**
 * A place in the queue between processes: a blob that its owner keeps leased. It is in the queue while it is leased.
 * The ticket of an owner that dies lapses by itself.
 */
export class Ticket {
  readonly #blob: TicketBlob;
  readonly #clock: Clock;
  #kept: Stopwatch;
  #renewal: Timer | undefined;
  #joining: Promise<unknown> = Promise.resolve();
  #gone: Promise<void> | undefined;
  #wasOut = false;

  /** The blob's name sorts by arrival. */
  constructor(blob: LockBlob, text: TicketText) {
    this.#blob = new TicketBlob(blob, text);
    this.#clock = blob.clock;
    this.#kept = new Stopwatch(blob.clock);
  }

  /**
   * Whether others see it, as far as its owner knows: false once a renewal was refused, or none was answered for as
   * long as its lease.
   */
  get stands(): boolean {
    return !this.#wasOut && this.#kept.elapsedMs < LEASE_MS;
  }

  /**
   * Takes the place, or takes it again if it lapsed or was swept away: the ticket is made anew then (P38), so that
   * others see when it came back. Does not, if the container is gone. Rejects with `StoreUnavailableError` where it is
   * open what was done.
   */
  join(signal: AbortSignal): Promise<void> {
    const joining = this.#join();
    this.#joining = joining.catch(() => undefined);
    return unlessAborted(joining, signal);
  }

  /**
   * Goes on after its caller has stopped waiting: a request that is under way would make the ticket stand after its
   * deletion.
   */
  async #join(): Promise<void> {
    const isMade = await this.#blob.make();
    if (this.#gone !== undefined || !isMade) return;
    const asked = new Stopwatch(this.#clock);
    await this.#blob.lease();
    this.#kept = asked;
    this.#wasOut = false;
    if (!this.#gone) this.#planRenewal(RENEW_EVERY_MS);
  }

  /**
   * Gives the place up. Resolves when the ticket is certain to be gone (P45): its deletion was answered, or its lease
   * has run out, or ended where the credentials may not delete.
   */
  leave(): Promise<void> {
    this.#renewal?.cancel();
    this.#gone ??= inRootContext(() => this.#joining.then(() => this.#blob.delete(() => this.#leftMs)));
    return this.#gone;
  }

  /** How much of its lease is left, in milliseconds. */
  get #leftMs(): number {
    return Math.max(0, LEASE_MS - this.#kept.elapsedMs);
  }

  #planRenewal(inMs: number): void {
    this.#renewal?.cancel();
    this.#renewal = inRootContext(() => this.#clock.setTimer(inMs, () => void this.#renew()));
  }

  async #renew(): Promise<void> {
    const asked = new Stopwatch(this.#clock);
    let nextMs = RENEW_EVERY_MS;
    try {
      const isRefused = !(await this.#blob.renew());
      // One that had run out by the time of the answer may have been out of the queue for a while, though it stands
      // again.
      this.#wasOut = isRefused || this.#kept.elapsedMs >= LEASE_MS;
      if (!isRefused) this.#kept = asked;
      if (this.#wasOut) return;
    } catch {
      nextMs = this.#blob.retryDelayMs;
    }
    if (!this.#gone) this.#planRenewal(nextMs);
  }
}
