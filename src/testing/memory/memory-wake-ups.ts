import { type Clock, systemSources } from "../../time/clock.ts";

/** How a {@link MemoryWakeUps} treats messages. */
export interface MemoryWakeUpsOptions {
  /** The clock by which messages are late. Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** A number from 0 up to, but not including, 1, that decides the fate of each message. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** How long a message is on its way, in milliseconds: always, or from one number to another. Default: 0. */
  readonly delayMs?: number | readonly [fromMs: number, toMs: number] | undefined;
  /** The part of the messages, from 0 to 1, that is lost. Default: 0. */
  readonly lost?: number | undefined;
  /** The part of the messages, from 0 to 1, that comes twice. Default: 0. */
  readonly doubled?: number | undefined;
}

/**
 * A channel of wake-ups for tests, within one process. All mutexes that are given the same one hear each other. What
 * goes wrong on it can be changed at any time.
 *
 * @example
 * ```ts
 * const clock = new FakeClock();
 * const wakeUps = new MemoryWakeUps({ clock, delayMs: [1, 5], lost: 0.1 });
 * const mutex = new AzureMutex({ store: new MemoryLeaseStore({ clock }), clock, wakeUps });
 * ```
 */
export class MemoryWakeUps {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #topics = new Map<string, Set<(message: string) => void>>();
  /** How long a message is on its way that is sent from now on, in milliseconds. */
  delayMs: number | readonly [fromMs: number, toMs: number];
  /** The part of the messages that is lost from now on. */
  lost: number;
  /** The part of the messages that comes twice from now on. */
  doubled: number;

  constructor(options: MemoryWakeUpsOptions = {}) {
    const { clock = systemSources.clock, random = systemSources.random, delayMs = 0, lost = 0, doubled = 0 } = options;
    this.#clock = clock;
    this.#random = random;
    this.delayMs = delayMs;
    this.lost = lost;
    this.doubled = doubled;
  }

  /** How many listeners there are now. */
  get listeners(): number {
    return [...this.#topics.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Sends a message to all who listen when it arrives. Each of them may lose it, or get it twice. */
  publish(topic: string, message: string): void {
    for (const listener of this.#topics.get(topic) ?? []) {
      if (this.#random() < this.lost) continue;
      this.#deliver(topic, listener, message);
      if (this.#random() < this.doubled) this.#deliver(topic, listener, message);
    }
  }

  /** Listens to a topic, until the returned function is called. */
  subscribe(topic: string, listener: (message: string) => void): () => void {
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#topics.get(topic) === listeners) this.#topics.delete(topic);
    };
  }

  #deliver(topic: string, listener: (message: string) => void, message: string): void {
    const [from, to] = typeof this.delayMs === "number" ? [this.delayMs, this.delayMs] : this.delayMs;
    const delayMs = from + (to - from) * this.#random();
    this.#clock.setTimer(delayMs, () => {
      if (this.#topics.get(topic)?.has(listener)) listener(message);
    });
  }
}
