import { onAbort } from "../abort.ts";
import type { Silence } from "../lease/attempt.ts";
import type { Share } from "./share.ts";

/** Somebody who comes to the queue. */
export interface Comer<Baton> {
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
  /** Whether a baton is of use to it. */
  accepts(baton: Baton): boolean;
  /** How long it has waited by now, in milliseconds. */
  readonly waitedMs: number;
}

interface Waiter<Baton> {
  readonly comer: Comer<Baton>;
  admit(turn: Turn<Baton>): void;
}

/** What whoever leaves without handing over tells the next one in line. */
export interface Legacy {
  /** For how many milliseconds the lock is to be left to other processes first. Default: 0. */
  readonly stayAwayMs?: number;
  /** What this process has had of the lock, if no other has had it since. */
  readonly share?: Share;
  /** For how long the service has not answered. */
  readonly silence?: Silence | undefined;
}

const NO_LEGACY: Legacy = Object.freeze({});

/** The head of the queue: whoever has it contends for the lock or holds it. */
export interface Turn<Baton> {
  /** What the one before handed over, if it did. */
  readonly baton: Baton | undefined;
  /** What the one before left behind, if it handed nothing over. */
  readonly legacy: Legacy;
  /** How long the next of them has waited, in milliseconds. */
  readonly nextWaitedMs: number | undefined;
  /** Hands the baton, and the turn with it, to the next one in line. False, and nothing has happened, if there is none or it cannot take it. */
  pass(baton: Baton): boolean;
  /** Lets the next one in, empty-handed. Whoever has left, or passed its turn on, may leave again: nothing happens. */
  leave(legacy?: Legacy): void;
}

/** The tasks of this process that want one key, first come, first served: one contends or holds, the others wait in memory. */
export class LocalQueue<Baton> {
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter<Baton>>();
  #occupied = false;

  /** Whether somebody of this process has, or waits for, the turn. */
  get busy(): boolean {
    return this.#occupied;
  }

  /** Takes the turn if nobody has it. */
  tryEnter(): Turn<Baton> | undefined {
    return this.#occupied ? undefined : this.#turn(undefined, NO_LEGACY);
  }

  /** Waits for the turn; rejects with the signal's reason as soon as it aborts. */
  enter(comer: Comer<Baton>): Promise<Turn<Baton>> {
    const { signal } = comer;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (!this.#occupied) return Promise.resolve(this.#turn(undefined, NO_LEGACY));
    return new Promise((resolve, reject) => {
      const waiter: Waiter<Baton> = {
        comer,
        admit: (turn) => {
          stopListening();
          resolve(turn);
        },
      };
      this.#waiting.add(waiter);
      const stopListening = onAbort(signal, () => {
        this.#waiting.delete(waiter);
        reject(signal.reason);
      });
    });
  }

  /** The same, for somebody to whom nothing can be handed over. */
  enterEmptyHanded(signal: AbortSignal): Promise<Turn<Baton>> {
    return this.enter({ signal, accepts: () => false, waitedMs: 0 });
  }

  #turn(baton: Baton | undefined, legacy: Legacy): Turn<Baton> {
    this.#occupied = true;
    const waiting = this.#waiting;
    let mine = true;
    const next = (): Waiter<Baton> | undefined => waiting.values().next().value;
    const admit = (waiter: Waiter<Baton>, handed: Baton | undefined, left: Legacy): void => {
      waiting.delete(waiter);
      waiter.admit(this.#turn(handed, left));
    };
    return {
      baton,
      legacy,
      get nextWaitedMs() {
        return next()?.comer.waitedMs;
      },
      pass: (handed) => {
        const waiter = next();
        if (!mine || !waiter?.comer.accepts(handed)) return false;
        mine = false;
        admit(waiter, handed, NO_LEGACY);
        return true;
      },
      leave: (left = NO_LEGACY) => {
        if (!mine) return;
        mine = false;
        this.#occupied = false;
        const waiter = next();
        if (waiter) admit(waiter, undefined, left);
      },
    };
  }
}
