import type { Hold } from "../waiting/hold.ts";
import { Holding } from "./holding.ts";

/**
 * The id of a lock's lease, which does not count as read by this. For the simulation, which must not change what it
 * watches.
 */
export let currentLeaseId: (lock: Lock) => string;

/** A lock that is held, until it is released or lost. */
export class Lock extends Holding {
  /**
   * Higher than the token of every earlier holder of this key. Hand it to whatever you write to, and have a write
   * refused whose token is lower than one seen before: that stops a holder who was paused after it last asked.
   * Undefined with `fencing: false`.
   *
   * @example
   * ```ts
   * const sql = "UPDATE reports SET body = $1, token = $2 WHERE id = 7 AND token < $2";
   * await mutex.locker("report").run((lock) => database.query(sql, [body, lock.fencingToken]));
   * ```
   */
  readonly fencingToken: number | undefined;
  readonly #hold: Hold;

  /** @internal */
  constructor(key: string, hold: Hold) {
    super(key, hold);
    this.fencingToken = hold.token;
    this.#hold = hold;
  }

  static {
    currentLeaseId = (lock) => lock.#hold.lease.leaseId;
  }

  /**
   * The id of the lease. Once it, or {@link Lock.conditions}, was read, no other task of this process is handed the
   * lock under it: the lease is released first, at the cost of two requests or more. Both go on to say the same when
   * the lock is released. **Read for the first time after that, it is an id that no lease has**: Azure refuses a write
   * with it.
   */
  get leaseId(): string {
    return this.#hold.giveOutId();
  }

  /**
   * The lease, as the SDK's `conditions` take it: with them Azure itself refuses a write to the locked blob once the
   * lease is another's. Reading it counts as reading {@link Lock.leaseId}.
   *
   * @example
   * ```ts
   * await mutex.locker("state.json").run((lock) => blob.upload(body, body.length, { conditions: lock.conditions }));
   * ```
   */
  get conditions(): { readonly leaseId: string } {
    return { leaseId: this.#hold.giveOutId() };
  }
}

/** The caller's handle of a hold on the lease of a key. */
export function lockOf(hold: Hold): Lock {
  return new Lock(hold.key, hold);
}
