import type { OutageTimer } from "../lease/outage-timer.ts";
import { onAbort } from "../time/abort.ts";
import type { HandOverBudget } from "./hand-over-budget.ts";
import type { WaitLimit } from "./wait-limit.ts";

/** A task that waits in the queue. */
export interface Waiter<Lease> {
  /** Its signal ends the wait at once. */
  readonly limit: Pick<WaitLimit, "signal" | "waitedMs">;
  /** Whether a lease is of use to it. */
  accepts(lease: Lease): boolean;
}

interface Entry<Lease> {
  readonly waiter: Waiter<Lease>;
  admit(head: QueueHead<Lease>): void;
}

/** What a task that leaves without handing over tells the next one in line. */
export interface HandOverNote {
  /** For how many milliseconds the lock is to be left to other processes first. Default: 0. */
  readonly stayAwayMs?: number;
  /** What this process has had of the lock, if no other has had it since. */
  readonly budget?: HandOverBudget;
  /** For how long the service has not answered. */
  readonly outage?: OutageTimer | undefined;
}

const NO_NOTE: HandOverNote = Object.freeze({});

/** The head of the queue: the task that has it contends for the lock or holds it. */
export class QueueHead<Lease> {
  /** The lease that the task before handed over. Undefined if it handed over none. */
  readonly lease: Lease | undefined;
  /** What the task before knows, if it handed nothing over. */
  readonly note: HandOverNote;
  readonly #queue: LocalQueue<Lease>;
  #isMine = true;

  constructor(queue: LocalQueue<Lease>, lease: Lease | undefined, note: HandOverNote) {
    this.#queue = queue;
    this.lease = lease;
    this.note = note;
  }

  /** How long the next task has waited, in milliseconds. Undefined if none waits. */
  get nextWaitedMs(): number | undefined {
    return this.#queue.next?.limit.waitedMs;
  }

  /**
   * Hands the lease to the next one in line. False, and nothing has happened, if there is none or it cannot take it.
   */
  pass(lease: Lease): boolean {
    if (!this.#isMine || !this.#queue.next?.accepts(lease)) return false;
    this.#isMine = false;
    this.#queue.admitNext(lease);
    return true;
  }

  /** Lets the next task in, without a lease. Called again, or after {@link QueueHead.pass}, it does nothing. */
  leave(note?: HandOverNote): void {
    if (!this.#isMine) return;
    this.#isMine = false;
    this.#queue.admitNext(undefined, note);
  }
}

/**
 * P34. The tasks of this process that want one key, first come, first served: one contends or holds, the others wait in
 * memory.
 */
export class LocalQueue<Lease> {
  /** In order of arrival. For most keys there is none. */
  #waiting: Set<Entry<Lease>> | undefined;
  #occupied = false;

  /** Whether a task of this process is at the head, or waits for that. */
  get busy(): boolean {
    return this.#occupied;
  }

  /** Becomes the head if there is none. */
  tryEnter(): QueueHead<Lease> | undefined {
    return this.#occupied ? undefined : this.#head();
  }

  /** Waits to be the head; rejects with the signal's reason as soon as it aborts. */
  enter(waiter: Waiter<Lease>): Promise<QueueHead<Lease>> {
    const { signal } = waiter.limit;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (!this.#occupied) return Promise.resolve(this.#head());
    return new Promise((resolve, reject) => {
      const entry: Entry<Lease> = {
        waiter,
        admit: (head) => {
          stopListening();
          resolve(head);
        },
      };
      this.#waiting ??= new Set();
      this.#waiting.add(entry);
      const stopListening = onAbort(signal, () => {
        this.#waiting?.delete(entry);
        reject(signal.reason);
      });
    });
  }

  /** The same, for a task to which no lease can be handed over. */
  enterEmptyHanded(signal: AbortSignal): Promise<QueueHead<Lease>> {
    return this.enter({ limit: { signal, waitedMs: 0 }, accepts: () => false });
  }

  /**
   * Acts at the head of the queue, without a lease. An outage of the service that the task before met goes on, and is
   * told to the next task if this one gets nothing.
   */
  async atHead<T extends object>(signal: AbortSignal, outage: OutageTimer, act: () => Promise<T>): Promise<T> {
    const head = await this.enterEmptyHanded(signal);
    if (head.note.outage) outage.continueFrom(head.note.outage);
    let got: T | undefined;
    try {
      got = await act();
      return got;
    } finally {
      head.leave(got ? {} : { outage });
    }
  }

  /** The first of those that wait. */
  get next(): Waiter<Lease> | undefined {
    return this.#first?.waiter;
  }

  /** The head is done, and so is the queue until a task comes, if none waits. */
  admitNext(lease: Lease | undefined, note?: HandOverNote): void {
    const entry = this.#first;
    this.#occupied = entry !== undefined;
    if (!entry) return;
    this.#waiting?.delete(entry);
    entry.admit(this.#head(lease, note));
  }

  get #first(): Entry<Lease> | undefined {
    return this.#waiting?.values().next().value;
  }

  #head(lease?: Lease, note: HandOverNote = NO_NOTE): QueueHead<Lease> {
    this.#occupied = true;
    return new QueueHead(this, lease, note);
  }
}
