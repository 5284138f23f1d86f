import type { LockLostError, LossReason } from "../errors.ts";
import { HeldOnLeases } from "../lease/held-on-leases.ts";
import type { LeaseObserver } from "../telemetry/lease-observer.ts";
import { LinkedSignal, onAbort } from "../time/abort.ts";
import type { Held } from "../waiting/held.ts";
import type { Hold } from "../waiting/hold.ts";

/** Several holds as one. */
export class JointHold extends HeldOnLeases implements Held {
  readonly holds: readonly Hold[];
  readonly #loss: LinkedSignal;
  #lost: Promise<LockLostError | undefined> | undefined;

  constructor(holds: readonly Hold[]) {
    super(holds);
    this.holds = holds;
    this.#loss = new LinkedSignal(...holds.map(({ signal }) => signal));
    // The work under all of them has to stop; if the others are not given back, they lapse too.
    onAbort(this.#loss.signal, () => this.letLapse());
  }

  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  get ended(): boolean {
    return this.holds.some(({ ended }) => ended);
  }

  observedBy(observer: LeaseObserver): void {
    for (const hold of this.holds) hold.observedBy(observer);
  }

  /** @inheritDoc */
  lose(why: LossReason, how: string): void {
    for (const hold of this.holds) hold.lose(why, how);
  }

  /** @inheritDoc */
  letLapse(): void {
    for (const hold of this.holds) hold.letLapse();
  }

  end(): Promise<LockLostError | undefined> {
    this.#lost ??= this.#endAll();
    return this.#lost;
  }

  async #endAll(): Promise<LockLostError | undefined> {
    this.#loss.end();
    const ends = await Promise.allSettled(this.holds.map((hold) => hold.end()));
    let lost: LockLostError | undefined;
    for (const end of ends) {
      if (end.status === "rejected") throw end.reason;
      lost ??= end.value;
    }
    return lost;
  }
}
