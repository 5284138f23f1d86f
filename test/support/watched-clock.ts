import { FakeClock } from "../../src/testing/index.ts";

/** More looks at the clock than anything takes between two turns of the event loop, and fewer than fit in 50 ms. */
const MOST_LOOKS = 20_000;

/**
 * A clock that sees when the event loop does not turn. A loop that only waits for promises which are settled already
 * never comes to an end by this clock, which moves in turns of the real event loop alone; every loop of the library
 * looks at the clock. From then on each look throws, until the event loop has turned.
 */
export class WatchedClock extends FakeClock {
  #looks = 0;

  override now(): number {
    this.#looked();
    return super.now();
  }

  #looked(): void {
    if (this.#looks === 0) {
      setImmediate(() => {
        this.#looks = 0;
      });
    }
    this.#looks += 1;
    if (this.#looks > MOST_LOOKS)
      throw new Error("the event loop is held: something waits for nothing but settled promises");
  }
}
