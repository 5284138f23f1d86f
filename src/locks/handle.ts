import type { Held } from "../waiting/held.ts";

/** What a caller has of something that is held. It reads the clock whenever it is asked. */
export abstract class Handle {
  /** What it was asked for by. */
  readonly key: string;
  readonly #held: Pick<Held, "isHeld" | "isUncertain" | "remainingMs">;

  /** @internal */
  constructor(key: string, held: Pick<Held, "isHeld" | "isUncertain" | "remainingMs">) {
    this.key = key;
    this.#held = held;
  }

  /**
   * Whether it is held, by the clock at this very moment. Once lost, it is lost for ever. False while it is
   * {@link Handle.isUncertain}.
   */
  get isHeld(): boolean {
    return this.#held.isHeld;
  }

  /**
   * Whether it is neither held nor lost: the machine slept for more than a second, and no renewal was answered since.
   * The renewal follows within a second of waking up; its answer, or the deadline of the lease, decides. The signal
   * does not abort for this.
   */
  get isUncertain(): boolean {
    return this.#held.isUncertain;
  }

  /**
   * How long it is good for without another renewal, in milliseconds, by the clock at this moment; 0 when it is not
   * held.
   */
  get remainingMs(): number {
    return this.#held.remainingMs;
  }
}
