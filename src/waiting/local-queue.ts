import { onAbort } from "../abort.ts";

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

/** The head of the queue: whoever has it contends for the lock or holds it. */
export interface Turn<Baton> {
  /** What the one before handed over, if it did. */
  readonly baton: Baton | undefined;
  /** For how many milliseconds the lock is to be left to other processes first. */
  readonly stayAwayMs: number;
  /** Whether others of this process wait. */
  readonly awaited: boolean;
  /** How long the next of them has waited, in milliseconds. */
  readonly nextWaitedMs: number | undefined;
  /** Hands the baton, and the turn with it, to the next one in line. False, and nothing has happened, if there is none or it cannot take it. */
  pass(baton: Baton): boolean;
  /** Lets the next one in, empty-handed. Whoever has left, or passed its turn on, may leave again: nothing happens. */
  leave(stayAwayMs?: number): void;
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
    return this.#occupied ? undefined : this.#turn(undefined, 0);
  }

  /** Waits for the turn; rejects with the signal's reason as soon as it aborts. */
  enter(comer: Comer<Baton>): Promise<Turn<Baton>> {
    const { signal } = comer;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (!this.#occupied) return Promise.resolve(this.#turn(undefined, 0));
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

  #turn(baton: Baton | undefined, stayAwayMs: number): Turn<Baton> {
    this.#occupied = true;
    const waiting = this.#waiting;
    let mine = true;
    const next = (): Waiter<Baton> | undefined => waiting.values().next().value;
    const admit = (waiter: Waiter<Baton>, handed: Baton | undefined, away: number): void => {
      waiting.delete(waiter);
      waiter.admit(this.#turn(handed, away));
    };
    return {
      baton,
      stayAwayMs,
      get awaited() {
        return waiting.size > 0;
      },
      get nextWaitedMs() {
        return next()?.comer.waitedMs;
      },
      pass: (handed) => {
        const waiter = next();
        if (!mine || !waiter?.comer.accepts(handed)) return false;
        mine = false;
        admit(waiter, handed, 0);
        return true;
      },
      leave: (away = 0) => {
        if (!mine) return;
        mine = false;
        this.#occupied = false;
        const waiter = next();
        if (waiter) admit(waiter, undefined, away);
      },
    };
  }
}
