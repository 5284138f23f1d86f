import { OutageTimer } from "../lease/outage-timer.ts";
import { retryDelayMs, TRIES } from "../lease/retry.ts";
import type { LeaseAcquirer } from "../locks/lease-acquirer.ts";
import type { Source } from "../locks/lockable.ts";
import type { ObservedWait } from "../telemetry/observer.ts";
import { LinkedSignal } from "../time/abort.ts";
import { sleep } from "../time/clock.ts";
import { pollDelayMs } from "../waiting/backoff.ts";
import { endQuietly } from "../waiting/held.ts";
import { confirmHeld, type Hold } from "../waiting/hold.ts";
import { poll } from "../waiting/polling.ts";
import { type WaitLimit, type WaitOptions, waitFor } from "../waiting/wait-limit.ts";

/** What a writer asks of the readers. */
export interface Reading {
  /** Whether anybody reads, in whatever process. Asked in so many tries. */
  isGoingOn(signal: AbortSignal | undefined, tries: number): Promise<boolean>;
}

/** The way to write: the lock of the key, which keeps new readers out; then the end of those who read. */
export class Writers implements Source<Hold> {
  readonly #acquirer: LeaseAcquirer;
  readonly #reading: Reading;

  constructor(acquirer: LeaseAcquirer, reading: Reading) {
    this.#acquirer = acquirer;
    this.#reading = reading;
  }

  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<Hold> {
    const { blob } = this.#acquirer;
    const wanted = {
      wait: async (limit: WaitLimit) => {
        const outage = new OutageTimer(blob.clock, this.#acquirer.options.unreachableAfterMs);
        for (let losses = 1; ; losses += 1) {
          const hold = await this.#acquirer.acquireWithin(limit, outage);
          if (await this.#outlast(hold, limit, outage)) return hold;
          await sleep(blob.clock, retryDelayMs(losses, blob.random), { signal: limit.signal });
        }
      },
      tryOnce: (signal: AbortSignal | undefined) => this.tryAcquire(signal, wait),
    };
    return waitFor(blob, blob.key, options, wanted, wait);
  }

  async tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<Hold | undefined> {
    const hold = await this.#acquirer.tryAcquire(signal, wait);
    if (!hold) return undefined;
    try {
      if (!(await this.#reading.isGoingOn(signal, TRIES)) && (await confirmHeld(hold, signal))) return hold;
    } catch (error) {
      void this.#giveBack(hold);
      throw error;
    }
    await this.#giveBack(hold);
    return undefined;
  }

  /** Waits until there is no reader. False if the lock was lost meanwhile. */
  async #outlast(hold: Hold, limit: WaitLimit, outage: OutageTimer): Promise<boolean> {
    const { blob, options } = this.#acquirer;
    const either = new LinkedSignal(limit.signal, hold.signal);
    const { signal } = either;
    const since = blob.clock.now();
    const rest = (ms: number): Promise<void> => sleep(blob.clock, ms, { signal });
    let isAlone = false;
    try {
      await poll({ blob, limit, outage, rest }, async () =>
        (await this.#reading.isGoingOn(signal, 1))
          ? pollDelayMs(blob.clock.now() - since, blob.random, options.poll)
          : NO_READER,
      );
      isAlone = await confirmHeld(hold, signal);
    } catch (error) {
      if (limit.signal.aborted) throw error;
      hold.throwIfEnded();
      if (!hold.lostBecause) throw error;
    } finally {
      either.end();
      if (!isAlone) void this.#giveBack(hold);
    }
    return isAlone;
  }

  async #giveBack(hold: Hold): Promise<void> {
    const { key, log } = this.#acquirer.blob;
    await endQuietly(hold, log, `the lock on "${key}"`);
  }
}

const NO_READER = Object.freeze({});
