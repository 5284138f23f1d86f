import { helperPrefix } from "../../blobs/helper-folder.ts";
import { READERS } from "../../blobs/reader-blob.ts";
import { isMutexError } from "../../errors.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { OutageTimer } from "../../lease/outage-timer.ts";
import { TRIES, type Tries } from "../../lease/retry.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import type { LockSpace } from "../../locks/lock-space.ts";
import type { Source } from "../../locks/lockable.ts";
import type { ObservedWait } from "../../telemetry/observer.ts";
import { unlessAborted } from "../../time/abort.ts";
import { pollDelayMs } from "../../waiting/backoff.ts";
import { endQuietly, type Held } from "../../waiting/held.ts";
import { confirmHeld, type Hold } from "../../waiting/hold.ts";
import type { ResolvedLockerOptions } from "../../waiting/locker-options.ts";
import { poll } from "../../waiting/polling.ts";
import { type WaitLimit, waitFor } from "../../waiting/wait-limit.ts";
import type { WaitOptions } from "../../waiting/wait-options.ts";
import { woken } from "../../waiting/wake-ups/lazy-wake-ups.ts";
import type { WakeUpWait } from "../../waiting/wake-ups/wake-up-wait.ts";
import { LocalReaders } from "./local-readers.ts";
import type { SharedHold } from "./shared-lease.ts";
import { lookForWriter } from "./writer-look.ts";

/** How many requests it takes to find no writer, to lease the own blob and to look again. */
const READER_REQUESTS = 3;

/**
 * The way to read. All readers of this process share one lease, on a blob of the process's own; a writer waits until no
 * such blob is leased. The first reader leases it and *then* looks whether there is a writer; a writer leases its blob
 * and *then* looks whether there is a reader: whichever was first, one of them sees the other.
 */
export class Readers implements Source<SharedHold> {
  readonly #options: ResolvedLockerOptions;
  /** The blob that a writer leases. A reader does so only to wait for its turn, with `fair`. */
  readonly #turnstile: LeaseAcquirer;
  /** What the readers of this process have in common. */
  readonly #local: LocalReaders;

  constructor(space: LockSpace, key: string, options: ResolvedLockerOptions) {
    this.#options = options;
    this.#turnstile = new LeaseAcquirer(space, { key }, { ...options, fencing: false });
    this.#local = LocalReaders.of(space, key, helperPrefix(key, READERS), options);
  }

  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<SharedHold> {
    return waitFor(this.#blob, options, this, wait);
  }

  async acquireWithin(limit: WaitLimit): Promise<SharedHold> {
    const blob = this.#blob;
    const { unreachableAfterMs, fair, poll: policy } = this.#options;
    const local = this.#local;
    const cameAt = this.#now;
    const outage = new OutageTimer(blob.clock, unreachableAfterMs);
    const lease = (own: LeaseAcquirer): Promise<Hold> => own.acquireWithin(limit, outage);
    const asking = { signal: limit.signal, tries: 1, lease };
    // The first look is as long as one that lets it in; the next ones are a single request.
    const polling = { blob, limit, outage, longer: 1, wakeUps: undefined as WakeUpWait | undefined };
    const enter = async (): Promise<SharedHold | number> => {
      if (local.isWriting) polling.longer = READER_REQUESTS;
      const hold =
        (await this.#enter(cameAt, asking)) ??
        (fair && (await this.#passTurnstile(await this.#turnstile.acquireWithin(limit, outage), asking)));
      return hold || pollDelayMs(limit.waitedMs, blob.random, policy);
    };
    // With `fair` it waits at the turnstile.
    const loading = fair ? undefined : this.#turnstile.wakeUpsOf(blob.key);
    const wait = (wakeUps: WakeUpWait | undefined): Promise<SharedHold> => {
      polling.wakeUps = wakeUps;
      return poll(polling, enter);
    };
    return await local.queue.atHead(limit.signal, outage, () => woken(loading, "all", wait));
  }

  async tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<SharedHold | undefined> {
    signal?.throwIfAborted();
    this.#blob.closing.signal.throwIfAborted();
    wait?.polled();
    const local = this.#local;
    const cameAt = this.#now;
    if (local.queue.busy && local.isWriting) return undefined;
    const head = await local.enterUnlessWriting(signal);
    if (!head) return undefined;
    try {
      const lease = async (own: LeaseAcquirer): Promise<Hold | undefined> => {
        await unlessAborted(local.givenBack ?? Promise.resolve(), signal);
        return await own.tryAcquire(signal);
      };
      return await this.#enter(cameAt, { signal, tries: TRIES, lease });
    } finally {
      head.leave();
    }
  }

  /** Reads, unless another writes or waits to. For the task that has the turn in this process. */
  async #enter(cameAt: number, asking: ReaderCall): Promise<SharedHold | undefined> {
    const local = this.#local;
    const { fair, handOverMs } = this.#options;
    // A task that joins other readers of this process overtakes writers that came since the last look. Not with `fair`.
    const hold = local.joinIfFree((lookedAt) => (fair ? lookedAt >= cameAt : this.#now - lookedAt < handOverMs));
    if (hold) return await this.#confirm(hold, asking, async () => true);
    // A reader that knows of a writer looks first: a lease for an instant would keep the writer waiting.
    if (local.isWriting && (await this.#isWriting(asking))) return undefined;
    return await this.#share(asking, async () => !(await this.#isWriting(asking)));
  }

  /**
   * Reads when it is this process's turn: no task writes while this one has the writers' lease, and a later writer sees
   * ours.
   */
  async #passTurnstile(turnstile: Hold, asking: ReaderCall): Promise<SharedHold | undefined> {
    try {
      return await this.#share(asking, async () => {
        await this.#look(asking);
        return await confirmHeld(turnstile, asking.signal);
      });
    } finally {
      this.#giveBack(turnstile);
    }
  }

  /** Leases this process's blob, unless it is, and reads if `mayRead` says so then. */
  async #share(asking: ReaderCall, mayRead: () => Promise<boolean>): Promise<SharedHold | undefined> {
    const lease = await this.#local.leased(asking.lease);
    // Before it may read, so that the lease is not given back meanwhile by a reader that has done.
    const hold = lease?.join();
    return hold && (await this.#confirm(hold, asking, mayRead));
  }

  /** The hold, if it is good for long enough when `mayRead` has said so. */
  async #confirm(
    hold: SharedHold,
    { signal }: ReaderCall,
    mayRead: () => Promise<boolean>,
  ): Promise<SharedHold | undefined> {
    let isReading = false;
    try {
      if (!(await mayRead())) return undefined;
      await hold.freshen(signal);
      // Readers with and without fencing share their process's state, token included.
      if (this.#options.fencing) hold.tellToken(this.#local.token);
      isReading = hold.isHeld;
    } catch (error) {
      // Lost before anybody held it: another one, then.
      if (signal?.aborted || !(isMutexError(error) && error.code === "LOCK_LOST")) throw error;
    } finally {
      if (!isReading) this.#giveBack(hold);
    }
    return isReading ? hold : undefined;
  }

  async #isWriting(asking: ReaderCall): Promise<boolean> {
    const lookedAt = this.#now;
    const isWriting = await this.#look(asking);
    this.#local.saw(isWriting, lookedAt);
    return isWriting;
  }

  /** Whether there is a writer, or one that waits. Learns the last writer's token. */
  async #look(asking: ReaderCall): Promise<boolean> {
    const { isWriting, token } = await lookForWriter(this.#blob, asking);
    this.#local.sawToken(token);
    return isWriting;
  }

  /** In the background: no task waits for that. */
  #giveBack(held: Held): void {
    const { key, log } = this.#blob;
    void endQuietly(held, log, `a lease of the readers of "${key}"`);
  }

  get #blob(): LockBlob {
    return this.#turnstile.blob;
  }

  get #now(): number {
    return this.#blob.clock.now();
  }
}

/** How a reader asks. */
interface ReaderCall extends Tries {
  /** Takes this process's own lease. */
  readonly lease: (own: LeaseAcquirer) => Promise<Hold | undefined>;
}
