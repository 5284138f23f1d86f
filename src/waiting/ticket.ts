import { Stopwatch, sleep, type Timer } from "../clock.ts";
import { attempt, isUnsure, retryDelayMs } from "../lease/attempt.ts";
import type { LockBlob } from "../lease/lock-blob.ts";

/** How long a ticket outlives its owner, in seconds. */
const LEASE_SECONDS = 60;
const LEASE_MS = LEASE_SECONDS * 1_000;
/** Half a minute is left to get through with it; a ticket that lapses all the same is taken again. */
const RENEW_EVERY_MS = LEASE_MS / 2;

export interface TicketOptions {
  /** The blob's name, which sorts by arrival. */
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tryTimeoutMs: number;
}

/**
 * A place in the queue between processes: a blob that its owner keeps leased. Of an owner who dies it lapses by itself. It is
 * in the queue from the moment that its lease stands.
 */
export class Ticket {
  readonly #blob: LockBlob;
  readonly #leaseId: string;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #tryTimeoutMs: number;
  #kept: Stopwatch;
  #renewal: Timer | undefined;
  #gone: Promise<void> | undefined;
  #refused = false;

  constructor(blob: LockBlob, { name, metadata, tryTimeoutMs }: TicketOptions) {
    this.#blob = { ...blob, name };
    this.#leaseId = blob.newId();
    this.#metadata = metadata;
    this.#tryTimeoutMs = tryTimeoutMs;
    this.#kept = new Stopwatch(blob.clock);
  }

  /** Whether others see it, as far as its owner knows: false once a renewal was refused, or none was answered for as long as its lease. */
  get stands(): boolean {
    return !this.#refused && this.#kept.elapsedMs < LEASE_MS;
  }

  /** Takes the place, or takes it again if it lapsed or was swept away. Rejects with `StoreUnavailableError` where it is open what was done. */
  async join(signal: AbortSignal): Promise<void> {
    const { store, name, clock } = this.#blob;
    const timeoutMs = this.#tryTimeoutMs;
    await attempt(this.#blob, (request) => store.create(name, this.#metadata, { signal: request }), {
      operation: "create",
      timeoutMs,
      signal,
    });
    const asked = new Stopwatch(clock);
    const acquire = (request: AbortSignal) => store.acquire(name, this.#leaseId, LEASE_SECONDS, { signal: request });
    await attempt(this.#blob, acquire, { operation: "acquire", timeoutMs, signal });
    this.#kept = asked;
    this.#refused = false;
    this.#planRenewal(RENEW_EVERY_MS);
  }

  /** Gives the place up. Resolves when the ticket is certain to be gone: its deletion was answered, or its lease has run out. */
  leave(): Promise<void> {
    this.#gone ??= this.#delete();
    return this.#gone;
  }

  async #delete(): Promise<void> {
    this.#renewal?.cancel();
    const { store, name, clock, random } = this.#blob;
    const options = { operation: "remove", timeoutMs: this.#tryTimeoutMs };
    for (let failures = 1; this.#kept.elapsedMs < LEASE_MS; failures += 1) {
      try {
        await attempt(this.#blob, (request) => store.remove(name, { leaseId: this.#leaseId, signal: request }), options);
        return;
      } catch (error) {
        // Whoever may not delete waits for the lapse.
        const untilLapse = Math.max(0, LEASE_MS - this.#kept.elapsedMs);
        await sleep(clock, isUnsure(error) ? Math.min(retryDelayMs(failures, random), untilLapse) : untilLapse, { keepAlive: false });
      }
    }
  }

  #planRenewal(inMs: number): void {
    this.#renewal?.cancel();
    this.#renewal = this.#blob.clock.setTimer(inMs, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { store, name, clock, random } = this.#blob;
    const asked = new Stopwatch(clock);
    const renew = (request: AbortSignal) => store.renew(name, this.#leaseId, { signal: request });
    let nextMs = RENEW_EVERY_MS;
    try {
      const { kind } = await attempt(this.#blob, renew, { operation: "renew", timeoutMs: this.#tryTimeoutMs });
      this.#refused = kind === "refused";
      if (this.#refused) return;
      this.#kept = asked;
    } catch {
      nextMs = retryDelayMs(3, random);
    }
    if (!this.#gone) this.#planRenewal(nextMs);
  }
}
