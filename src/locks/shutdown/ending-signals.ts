import type { Clock } from "../../time/clock.ts";
import {
  deciders,
  type EndingProcess,
  type EndingSignal,
  type Listening,
  listening,
  type OwnListener,
  ownListener,
} from "./ending-process.ts";

/** A signal that repeats the first within this many milliseconds is ignored: npm passes a Ctrl-C on. */
const REPEATED_WITHIN_MS = 500;

/** What a signal asks of a shutdown: to begin, to end the process once everything is released, or to end it at once. */
export type Asked = "begin" | "endOnceReleased" | "endNow";

/** The first signal, and the other listeners that heard it. */
interface FirstSignal {
  readonly name: EndingSignal;
  readonly at: number;
  readonly others: Listening;
}

/** The signals that ask a process to end: which of them is a repeat, and whether another listener decides the end. */
export class EndingSignals {
  readonly #host: EndingProcess;
  readonly #clock: Clock;
  readonly #listeners: ReadonlyMap<EndingSignal, OwnListener>;
  readonly #state = { isEnding: false };
  #first: FirstSignal | undefined;
  #othersDecide = false;
  /** How many repeats of the signal may come from listeners that are done, and have sent it again. */
  #resent = 0;

  /** Listens until {@link EndingSignals.stop}. */
  constructor(
    host: EndingProcess,
    clock: Clock,
    names: readonly EndingSignal[],
    onAsked: (asked: Asked, name: EndingSignal) => void,
  ) {
    this.#host = host;
    this.#clock = clock;
    const hear = (name: EndingSignal) => (): void => {
      const asked = this.#heard(name);
      if (asked) onAsked(asked, name);
    };
    this.#listeners = new Map(names.map((name) => [name, ownListener(hear(name), this.#state)]));
    // It is called before all other listeners: those added by `once` are removed when they are called, and could not be
    // counted.
    for (const [name, listener] of this.#listeners) host.prependListener(name, listener);
  }

  /** Whether a listener that heard the first signal decides when the process ends. */
  get othersDecide(): boolean {
    return this.#othersDecide;
  }

  /** How long ago the first signal came, in milliseconds; 0 before. */
  get sinceFirstMs(): number {
    return this.#first ? this.#clock.now() - this.#first.at : 0;
  }

  stop(): void {
    for (const [name, listener] of this.#listeners) this.#host.off(name, listener);
  }

  /** Undefined if the signal asks for nothing, or is for the other listeners to heed. */
  #heard(name: EndingSignal): Asked | undefined {
    const others = listening(this.#host, name);
    if (!this.#first) {
      this.#first = { name, at: this.#clock.now(), others };
      this.#state.isEnding = true;
      this.#othersDecide = deciders(others) > 0;
      this.#resent = deciders(others);
      return "begin";
    }
    // The other listeners hear the repeat too, and decide what comes of it.
    if (deciders(others) > 0) return undefined;
    const isLate = this.sinceFirstMs > REPEATED_WITHIN_MS;
    if (name !== this.#first.name || this.#resent === 0) return isLate ? "endNow" : undefined;
    // A repeat this soon may be npm's, and a `once` listener may still be at work. A listener that was removed is done.
    if (!isLate && this.#first.others.lasting === 0) return undefined;
    this.#resent -= 1;
    this.#othersDecide = false;
    return "endOnceReleased";
  }
}
