import { helperPrefix } from "../../blobs/helper-folder.ts";
import { READERS } from "../../blobs/reader-blob.ts";
import { OutageTimer } from "../../lease/outage-timer.ts";
import { retry, retryDelayMs, TRIES } from "../../lease/retry.ts";
import { sweepHelpers } from "../../lease/sweep.ts";
import type { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import type { Source } from "../../locks/lockable.ts";
import { isLeased } from "../../store/lease-store.ts";
import type { ObservedWait } from "../../telemetry/observer.ts";
import { LinkedSignal } from "../../time/abort.ts";
import { sleep } from "../../time/clock.ts";
import { pollDelayMs } from "../../waiting/backoff.ts";
import { endQuietly } from "../../waiting/held.ts";
import { confirmHeld, type Hold } from "../../waiting/hold.ts";
import { poll, type RestUntilWoken } from "../../waiting/polling.ts";
import { type WaitLimit, waitFor } from "../../waiting/wait-limit.ts";
import type { WaitOptions } from "../../waiting/wait-options.ts";
import { woken } from "../../waiting/wake-ups/lazy-wake-ups.ts";

/**
 * A reader's blob that is not leased and that was made so long ago is swept away: its process is gone, or makes it
 * again.
 */
const READER_DEAD_AFTER_MS = 600_000;
const NO_READER = Object.freeze({});

/** The way to write: the lock of the key, which keeps new readers out; then the end of those who read. */
export class Writers implements Source<Hold> {
  readonly #acquirer: LeaseAcquirer;

  constructor(acquirer: LeaseAcquirer) {
    this.#acquirer = acquirer;
  }

  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<Hold> {
    return waitFor(this.#acquirer.blob, options, this, wait);
  }

  async acquireWithin(limit: WaitLimit): Promise<Hold> {
    const { blob, options } = this.#acquirer;
    const outage = new OutageTimer(blob.clock, options.unreachableAfterMs);
    for (let losses = 1; ; losses += 1) {
      const hold = await this.#acquirer.acquireWithin(limit, outage);
      if (await this.#outlast(hold, limit, outage)) return hold;
      await sleep(blob.clock, retryDelayMs(losses, blob.random), { signal: limit.signal });
    }
  }

  async tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<Hold | undefined> {
    const hold = await this.#acquirer.tryAcquire(signal, wait);
    if (!hold) return undefined;
    try {
      if (!(await this.#areReaders(signal, TRIES)) && (await confirmHeld(hold, signal))) return hold;
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
      const step = async (): Promise<object | number> =>
        (await this.#areReaders(signal, 1))
          ? pollDelayMs(blob.clock.now() - since, blob.random, options.poll)
          : NO_READER;
      const loading = this.#acquirer.wakeUpsOf(helperPrefix(blob.name, READERS));
      await woken(loading, "one", (wait) => {
        const wakeUps: RestUntilWoken | undefined = wait && {
          rest: (ms, bounded) => wait.rest(ms, bounded, signal),
          get wake() {
            return wait.wake;
          },
        };
        return poll({ blob, limit, outage, rest, wakeUps }, step);
      });
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

  /** Whether a task of any process reads. Asked in so many tries. */
  async #areReaders(signal: AbortSignal | undefined, tries: number): Promise<boolean> {
    const { blob } = this.#acquirer;
    const found = await retry(blob, () => blob.list(READERS, { signal }), { signal, tries });
    sweepHelpers(blob, found, READER_DEAD_AFTER_MS);
    return found.some(({ leaseState }) => isLeased(leaseState));
  }

  async #giveBack(hold: Hold): Promise<void> {
    const { key, log } = this.#acquirer.blob;
    await endQuietly(hold, log, `the lock on "${key}"`);
  }
}
