import { toAsciiJson } from "../../blobs/metadata-json.ts";
import { NotHeldError, shown } from "../../errors.ts";
import { Holding } from "../../locks/holding.ts";
import type { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { LinkedSignal, unlessAborted } from "../../time/abort.ts";
import type { Hold } from "../../waiting/hold.ts";
import { checkWaitOptions, type WaitOptions } from "../../waiting/wait-options.ts";

/** In bytes. Metadata holds 8 KB in all; the rest is for the record around it. */
const LONGEST_DATA = 4_096;

/** Leadership that is held, until it is resigned or lost. */
export class Leadership extends Holding {
  /** The name under which it campaigns. */
  readonly candidate: string;
  /** The fencing token: higher than that of every leader before. Hand it to whatever you write to. */
  readonly term: number;
  readonly #hold: Hold;
  readonly #acquirer: LeaseAcquirer;
  readonly #over: LinkedSignal;
  #proclaiming: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(acquirer: LeaseAcquirer, hold: Hold) {
    const { key } = acquirer.blob;
    const over = new LinkedSignal(hold.signal);
    const before = (): void => {
      over.abort(new NotHeldError(key));
      over.end();
    };
    super(key, hold, { before });
    this.candidate = acquirer.options.description.holder.name;
    this.term = hold.token as number;
    this.#hold = hold;
    this.#acquirer = acquirer;
    this.#over = over;
    hold.beforeNext(() => this.#takeBack());
  }

  /**
   * Replaces the data that other processes read of this leader. One request; tried again until it is answered. Throws
   * `TypeError` for data that is too long, `NotHeldError` after a resignation, `LockLostError` once leadership is lost,
   * or the signal's own reason.
   */
  async proclaim(data: string, { signal }: Pick<WaitOptions, "signal"> = {}): Promise<void> {
    checkData(data);
    checkWaitOptions({ signal });
    signal?.throwIfAborted();
    // While leadership is uncertain, the write itself decides: the service refuses it once the lease is another's.
    if (!this.isUncertain) this.assertHeld();
    const before = this.#proclaiming;
    const proclaimed = before.then(() => this.#acquirer.announce(this.#hold, { data }, this.#over.signal));
    this.#proclaiming = proclaimed.catch(() => undefined);
    await unlessAborted(proclaimed, signal);
  }

  /** The {@link Leadership.term}, by the name that it has on every other handle. */
  get fencingToken(): number {
    return this.term;
  }

  /**
   * Gives leadership up, for another candidate to take. The field's word for {@link Holding.release}. Called again, it
   * does nothing.
   *
   * @throws `StoreUnavailableError` or `AccessDeniedError` if the service could not be told: the lease then lapses by
   * itself.
   */
  async resign(): Promise<void> {
    await this.release();
  }

  /**
   * Takes back what it announced, which must not stand for a next holder that announces nothing. One request: the next
   * leader writes its own.
   */
  async #takeBack(): Promise<void> {
    const { blob } = this.#acquirer;
    const enough = new AbortController();
    const timer = blob.clock.setTimer(blob.requestTimeoutMs, () => enough.abort(), { keepAlive: true });
    // Where this process releases as it ends, the work's own proclamation may still be waiting for an answer.
    this.#over.abort(new NotHeldError(this.key));
    try {
      await this.#proclaiming;
      await this.#acquirer.announce(this.#hold, undefined, enough.signal);
    } catch (error) {
      blob.log(`the resignation from "${this.key}" could not be written: ${String(error)}`);
    } finally {
      timer.cancel();
    }
  }
}

/** Throws `TypeError` unless it is text that fits into the record. */
export function checkData(data: unknown): asserts data is string {
  if (typeof data !== "string") throw new TypeError(`data must be a string, not ${shown(data)}`);
  const stored = toAsciiJson(data).length;
  if (stored > LONGEST_DATA)
    throw new TypeError(`data must take at most ${LONGEST_DATA} bytes as a JSON string in ASCII, not ${stored}`);
}
