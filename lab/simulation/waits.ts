import type { Kernel } from "./kernel.ts";

/** How long tasks wait, in milliseconds of true time. */
export interface WaitFigures {
  /** The longest wait that ended with a hold. */
  readonly longestMs: number;
  /** The most time of such a wait in which no task held anything: from a call of a release on, to the next hold. */
  readonly mostIdleMs: number;
}

/** Measures how long tasks wait, and for how much of that nothing is held. Where a holder dies it knows too little. */
export class Waits {
  readonly #kernel: Kernel;
  #longestMs = 0;
  #mostIdleMs = 0;
  #waiting = 0;
  #held = 0;
  /** How long nothing was held so far while a task waited. */
  #idleMs = 0;
  #notedAt = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get figures(): WaitFigures {
    return { longestMs: this.#longestMs, mostIdleMs: this.#mostIdleMs };
  }

  /** A task begins to wait. The returned function ends that, once: the task has what it waited for, or not. */
  begins(): (isHeld: boolean) => void {
    this.#note();
    const since = this.#kernel.now;
    const idleMs = this.#idleMs;
    let isOver = false;
    this.#waiting += 1;
    return (isHeld) => {
      if (isOver) return;
      isOver = true;
      this.#note();
      this.#waiting -= 1;
      if (!isHeld) return;
      this.#held += 1;
      this.#longestMs = Math.max(this.#longestMs, this.#kernel.now - since);
      this.#mostIdleMs = Math.max(this.#mostIdleMs, this.#idleMs - idleMs);
    };
  }

  /** A release is called. */
  released(): void {
    this.#note();
    this.#held -= 1;
  }

  /** Counts the time since the last change, before the next one. */
  #note(): void {
    const { now } = this.#kernel;
    if (this.#held === 0 && this.#waiting > 0) this.#idleMs += now - this.#notedAt;
    this.#notedAt = now;
  }
}
