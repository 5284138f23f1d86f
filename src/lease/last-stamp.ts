import type { Stamp } from "../store/lease-store.ts";
import type { Clock } from "../time/clock.ts";

/** The service's clock, as far as an answer lets us know it: never ahead of it. */
export class ServiceTime {
  readonly #clock: Clock;
  readonly #date: number;
  readonly #now: number;

  /** Made when the answer that bears the date arrives. */
  constructor(clock: Clock, date: number) {
    this.#clock = clock;
    this.#date = date;
    this.#now = clock.now();
  }

  get ms(): number {
    return this.#date + this.#clock.now() - this.#now;
  }
}

/** What the last answer under a lease said of its blob. */
export interface LastStamp {
  readonly etag: string;
  readonly time: ServiceTime;
}

/** What an answer says that has just arrived. */
export function stampNow(
  { clock }: { readonly clock: Clock },
  { etag, date }: Pick<Stamp, "etag" | "date">,
): LastStamp {
  return { etag, time: new ServiceTime(clock, date) };
}
