/**
 * True time, as all processes of this machine see it: milliseconds of its monotonic clock since an epoch that they
 * agree on. A process that is stopped reads it late, and never wrong.
 */
export class MachineClock {
  #epoch: bigint;

  constructor(epoch: bigint = process.hrtime.bigint()) {
    this.#epoch = epoch;
  }

  /** What another process makes the same clock of. */
  get epoch(): string {
    return String(this.#epoch);
  }

  /** From here on time counts from this moment. */
  restart(): void {
    this.#epoch = process.hrtime.bigint();
  }

  now(): number {
    return Number(process.hrtime.bigint() - this.#epoch) / 1e6;
  }
}
