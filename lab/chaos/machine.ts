import { availableParallelism, loadavg } from "node:os";

/**
 * How many times as much as it can do at once the machine has to do, and 1 at least: a worker that waits for a
 * processor is not late.
 */
export function overload(): number {
  const [inTheLastMinute = 0] = loadavg();
  return Math.max(1, inTheLastMinute / availableParallelism());
}

/** The clock that the storage counts leases by. If it is set, leases end early or late, and no lock can help it. */
export class WallClock {
  readonly #startedAt = Date.now() - performance.now();

  get stepMs(): number {
    return Date.now() - performance.now() - this.#startedAt;
  }
}
