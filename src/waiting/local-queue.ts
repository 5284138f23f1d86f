import { onAbort } from "../abort.ts";
import type { OutageTimer } from "../lease/outage-timer.ts";
import type { Patience } from "./patience.ts";
import type { Share } from "./share.ts";

/** Somebody who comes to the queue. */
export interface Comer<Baton> {
  /** Its signal ends the wait at once. */
  readonly patience: Pick<Patience, "signal" | "waitedMs">;
  /** Whether a baton is of use to it. */
  accepts(baton: Baton): boolean;
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
  readonly outage?: OutageTimer | undefined;
}

const NO_LEGACY: Legacy = Object.freeze({});

/** The head of the queue: whoever has it contends for the lock or holds it. */
export class Turn<Baton> {
  /** What the one before handed over, if it did. */
  readonly baton: Baton | undefined;
  /** What the one before left behind, if it handed nothing over. */
  readonly legacy: Legacy;
  readonly #queue: LocalQueue<Baton>;
  #isMine = true;

  constructor(queue: LocalQueue<Baton>, baton: Baton | undefined, legacy: Legacy) {
    this.#queue = queue;
    this.baton = baton;
    this.legacy = legacy;
  }

  /** How long the next of them has waited, in milliseconds. */
  get nextWaitedMs(): number | undefined {
    return this.#queue.next?.patience.waitedMs;
  }

  /** Hands the baton, and the turn with it, to the next one in line. False, and nothing has happened, if there is none or it cannot take it. */
  pass(baton: Baton): boolean {
    if (!this.#isMine || !this.#queue.next?.accepts(baton)) return false;
    this.#isMine = false;
    this.#queue.admitNext(baton);
    return true;
  }

  /** Lets the next one in, empty-handed. Whoever has left, or passed its turn on, may leave again: nothing happens. */
  leave(legacy?: Legacy): void {
    if (!this.#isMine) return;
    this.#isMine = false;
    this.#queue.admitNext(undefined, legacy);
  }
}

/** The tasks of this process that want one key, first come, first served: one contends or holds, the others wait in memory. */
export class LocalQueue<Baton> {
  /** In order of arrival. For most keys nobody ever waits. */
  #waiting: Set<Waiter<Baton>> | undefined;
  #occupied = false;

  /** Whether somebody of this process has, or waits for, the turn. */
  get busy(): boolean {
    return this.#occupied;
  }

  /** Takes the turn if nobody has it. */
  tryEnter(): Turn<Baton> | undefined {
    return this.#occupied ? undefined : this.#turn();
  }

  /** Waits for the turn; rejects with the signal's reason as soon as it aborts. */
  enter(comer: Comer<Baton>): Promise<Turn<Baton>> {
    const { signal } = comer.patience;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (!this.#occupied) return Promise.resolve(this.#turn());
    return new Promise((resolve, reject) => {
      const waiter: Waiter<Baton> = {
        comer,
        admit: (turn) => {
          stopListening();
          resolve(turn);
        },
      };
      this.#waiting ??= new Set();
      this.#waiting.add(waiter);
      const stopListening = onAbort(signal, () => {
        this.#waiting?.delete(waiter);
        reject(signal.reason);
      });
    });
  }

  /** The same, for somebody to whom nothing can be handed over. */
  enterEmptyHanded(signal: AbortSignal): Promise<Turn<Baton>> {
    return this.enter({ patience: { signal, waitedMs: 0 }, accepts: () => false });
  }

  /** Who is first of those that wait. */
  get next(): Comer<Baton> | undefined {
    return this.#first?.comer;
  }

  /** Whoever has the turn is done with it, and so is the queue until somebody comes, if nobody waits. */
  admitNext(baton: Baton | undefined, legacy?: Legacy): void {
    const waiter = this.#first;
    this.#occupied = waiter !== undefined;
    if (!waiter) return;
    this.#waiting?.delete(waiter);
    waiter.admit(this.#turn(baton, legacy));
  }

  get #first(): Waiter<Baton> | undefined {
    return this.#waiting?.values().next().value;
  }

  #turn(baton?: Baton, legacy: Legacy = NO_LEGACY): Turn<Baton> {
    this.#occupied = true;
    return new Turn(this, baton, legacy);
  }
}
