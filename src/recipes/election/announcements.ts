import { NotHeldError } from "../../errors.ts";
import type { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { LinkedSignal } from "../../time/abort.ts";
import type { Hold } from "../../waiting/hold.ts";

/** What a leader announces, one announcement after the other, until its term ends. */
export class Announcements {
  readonly #acquirer: LeaseAcquirer;
  readonly #hold: Hold;
  readonly #over: LinkedSignal;
  #proclaiming: Promise<void> = Promise.resolve();

  constructor(acquirer: LeaseAcquirer, hold: Hold) {
    this.#acquirer = acquirer;
    this.#hold = hold;
    this.#over = new LinkedSignal(hold.signal);
    hold.beforeNext(() => this.#takeBack());
  }

  /** Replaces what stands in the record. Rejects with `NotHeldError` once the term has ended. */
  proclaim(data: string): Promise<void> {
    const proclaimed = this.#proclaiming.then(() => this.#acquirer.announce(this.#hold, { data }, this.#over.signal));
    this.#proclaiming = proclaimed.catch(() => undefined);
    return proclaimed;
  }

  /** The term ends: what is being announced is announced no more. */
  end(): void {
    this.#over.abort(new NotHeldError(this.#hold.key));
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
    this.end();
    try {
      await this.#proclaiming;
      await this.#acquirer.announce(this.#hold, undefined, enough.signal);
    } catch (error) {
      blob.log(`the resignation from "${blob.key}" could not be written: ${String(error)}`);
    } finally {
      timer.cancel();
    }
  }
}
