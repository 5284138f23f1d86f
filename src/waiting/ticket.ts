import { unlessAborted } from "../abort.ts";
import { Stopwatch, sleep, type Timer } from "../clock.ts";
import type { Metadata } from "../lease/lease-store.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { isUnsure, retryDelayMs } from "../lease/retry.ts";
import type { StandingLease } from "../lease/standing-lease.ts";
import { inRootContext } from "../root-context.ts";

/** How long a ticket outlives its owner, in seconds. */
const LEASE_SECONDS = 60;
const LEASE_MS = LEASE_SECONDS * 1_000;
/** Half a minute is left to get through with it; a ticket that lapses all the same is taken again. */
const RENEW_EVERY_MS = LEASE_MS / 2;
/** Where an acquire may still be on its way, and the ticket cannot be deleted, its lease is ended again after this time. */
const RELEASED_AGAIN_AFTER_MS = 10_000;

/**
 * A place in the queue between processes: a blob that its owner keeps leased. Of an owner who dies it lapses by itself. It is
 * in the queue from the moment that its lease stands.
 */
export class Ticket {
  readonly #blob: LockBlob;
  readonly #leaseId: string;
  readonly #metadata: Metadata;
  #kept: Stopwatch;
  #renewal: Timer | undefined;
  #joining: Promise<unknown> = Promise.resolve();
  #gone: Promise<void> | undefined;
  #wasOut = false;
  #wasMade = false;
  /** An acquire of its lease went unanswered, and may take the lease at any time. */
  #mayReturn = false;
  #isUndeletable = false;
  readonly #standing: StandingLease;

  /** The blob's name sorts by arrival. */
  constructor(blob: LockBlob, metadata: Metadata) {
    this.#blob = blob;
    this.#leaseId = blob.newId();
    this.#standing = { name: blob.name, leaseId: this.#leaseId };
    this.#metadata = metadata;
    this.#kept = new Stopwatch(blob.clock);
  }

  /** Whether others see it, as far as its owner knows: false once a renewal was refused, or none was answered for as long as its lease. */
  get stands(): boolean {
    return !this.#wasOut && this.#kept.elapsedMs < LEASE_MS;
  }

  /**
   * Takes the place, or takes it again if it lapsed or was swept away: the ticket is made anew then, so that others see when it
   * came back. Does not, if the container is gone. Rejects with `StoreUnavailableError` where it is open what was done.
   */
  join(signal: AbortSignal): Promise<void> {
    const joining = this.#join();
    this.#joining = joining.catch(() => undefined);
    return unlessAborted(joining, signal);
  }

  /** Goes on when it is not waited for any more: a request that is under way would make the ticket stand after its deletion. */
  async #join(): Promise<void> {
    if (this.#wasMade) await this.#removeOldOne();
    this.#wasMade = true;
    const made = await this.#blob.create(this.#metadata);
    if (this.#gone || made.kind === "missing") return;
    const asked = new Stopwatch(this.#blob.clock);
    this.#mayReturn = true;
    this.#blob.standing.add(this.#standing);
    await this.#blob.acquire(this.#leaseId, LEASE_SECONDS);
    this.#mayReturn = false;
    this.#kept = asked;
    this.#wasOut = false;
    if (!this.#gone) this.#planRenewal(RENEW_EVERY_MS);
  }

  /**
   * Gives the place up. Resolves when the ticket is certain to be gone: its deletion was answered, or its lease has run out, or
   * ended where the credentials may not delete.
   */
  leave(): Promise<void> {
    this.#renewal?.cancel();
    this.#gone ??= inRootContext(() => this.#joining.then(() => this.#delete()).finally(() => this.#blob.standing.delete(this.#standing)));
    return this.#gone;
  }

  async #delete(): Promise<void> {
    const { clock, random } = this.#blob;
    // Once at least: a renewal that is on its way would revive one that has run out.
    for (let failures = 1; failures === 1 || this.#kept.elapsedMs < LEASE_MS; failures += 1) {
      let restMs = retryDelayMs(failures, random);
      try {
        if (this.#isUndeletable ? await this.#endLease() : await this.#removeLeasedOrNot()) return;
        if (this.#isUndeletable) restMs = RELEASED_AGAIN_AFTER_MS;
      } catch (error) {
        if (!isUnsure(error)) {
          this.#blob.removals.failed(error, this.#blob.log);
          // A ticket that may not be deleted leaves the queue with its lease; one that may not be released either lapses.
          restMs = this.#isUndeletable ? LEASE_MS : 0;
          this.#isUndeletable = true;
        }
      }
      await sleep(clock, Math.min(restMs, Math.max(0, LEASE_MS - this.#kept.elapsedMs)), { keepAlive: false });
    }
  }

  /** Whether the ticket stays out of the queue: an acquire that is still on its way would bring it back. */
  async #endLease(): Promise<boolean> {
    await this.#blob.release(this.#leaseId);
    return !this.#mayReturn;
  }

  /** Credentials that may not delete lease the old one again. */
  async #removeOldOne(): Promise<void> {
    try {
      await this.#removeLeasedOrNot();
    } catch (error) {
      if (isUnsure(error)) throw error;
    }
  }

  /** Whether it is gone. One that is not leased has lapsed, or its lease is on its way yet and finds no blob then. */
  async #removeLeasedOrNot(): Promise<boolean> {
    return (await this.#remove(this.#leaseId)) || (await this.#remove());
  }

  async #remove(leaseId?: string): Promise<boolean> {
    const answer = await this.#blob.remove({ leaseId });
    if (answer.kind === "removed") this.#blob.removals.succeeded();
    return answer.kind === "removed" || answer.why === "deleted";
  }

  #planRenewal(inMs: number): void {
    this.#renewal?.cancel();
    this.#renewal = inRootContext(() => this.#blob.clock.setTimer(inMs, () => void this.#renew()));
  }

  async #renew(): Promise<void> {
    const { clock, random } = this.#blob;
    const asked = new Stopwatch(clock);
    let nextMs = RENEW_EVERY_MS;
    try {
      const { kind } = await this.#blob.renew(this.#leaseId);
      // One that had run out by the time of the answer may have been out of the queue for a while, though it stands again.
      this.#wasOut = kind === "refused" || this.#kept.elapsedMs >= LEASE_MS;
      if (kind !== "refused") this.#kept = asked;
      if (this.#wasOut) return;
    } catch {
      nextMs = retryDelayMs(3, random);
    }
    if (!this.#gone) this.#planRenewal(nextMs);
  }
}
