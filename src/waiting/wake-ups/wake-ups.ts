import { shown } from "../../errors.ts";
import { checkMs } from "../../lease/terms.ts";

/**
 * A channel over which the processes that use a container tell each other that a lock was released. It makes waiters
 * quicker and spares requests. Neither exclusion nor progress rests on it: a message that is lost, late, doubled, out
 * of order or forged costs requests or a pause of `idlePollMs`, and a channel that throws, rejects or hangs changes
 * nothing about a lock.
 *
 * A topic is 64 hexadecimal digits, a hash of account, container and key. A message has up to 200 printable characters.
 * Neither has a lease id, a credential or a key in it. Who can publish can make others poll, a few times a second.
 */
export interface WakeUps {
  /** Sends the message to everyone who listens to the topic now. It need not be kept for later listeners. */
  publish(topic: string, message: string): unknown;
  /**
   * Calls the listener with each message of the topic from now on, those of this process included or not. Returns, or
   * resolves with, a function that ends it, once messages arrive. The listener never throws.
   */
  subscribe(topic: string, listener: (message: string) => void): (() => unknown) | Promise<() => unknown>;
  /**
   * The time by a clock that all users of the channel share, as processes of one machine can, in milliseconds. With it
   * a waiter learns how long ago the lock was released that it got. Default: there is none, as between machines.
   */
  sharedNow?(): number | undefined;
  /**
   * Called by `close()` of the mutex, after its last message. A channel that several mutexes share has none. Default:
   * nothing is closed.
   */
  close?(): unknown;
}

/** The options of a mutex that say how its waiters are woken. */
export interface WakeUpOptions {
  /**
   * Wakes waiters when a lock is released, so that they need not poll at their usual pace. Loaded when it is first
   * used. Default: none, waiters poll.
   */
  wakeUps?: WakeUps | undefined;
  /**
   * The longest time between two polls of a waiter while the holder of the lock has answered it over `wakeUps`, in
   * milliseconds, at least 1,000. Default: 5,000.
   */
  idlePollMs?: number | undefined;
}

const IDLE_POLL_MS = 5_000;
const LEAST_IDLE_POLL_MS = 1_000;

/** The options with defaults. Throws `TypeError` or `RangeError` naming option and value. */
export function resolveWakeUps({ wakeUps, idlePollMs = IDLE_POLL_MS }: WakeUpOptions): ResolvedWakeUps {
  checkMs(idlePollMs, "idlePollMs", LEAST_IDLE_POLL_MS);
  const isChannel = typeof wakeUps?.publish === "function" && typeof wakeUps.subscribe === "function";
  if (wakeUps !== undefined && !isChannel)
    throw new TypeError(`wakeUps must have the methods publish and subscribe, not be ${shown(wakeUps)}`);
  return { wakeUps, idlePollMs };
}

export interface ResolvedWakeUps {
  readonly wakeUps: WakeUps | undefined;
  readonly idlePollMs: number;
}
