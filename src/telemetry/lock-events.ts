import { type LockLostError, shown } from "../errors.ts";

/** What every event of a {@link Lockable} says. */
export interface LockEvent {
  /** The name of the lock; of several locks that are held together, all names, with commas between them. */
  readonly key: string;
  /** Undefined with `fencing: false`, and for several locks: each has one of its own. */
  readonly fencingToken: number | undefined;
}

/**
 * What happens to a lock: it begins with `acquired` and ends with one of `released`, `handedOver` and `lost`. Times are
 * in milliseconds.
 */
export interface LockEvents {
  /**
   * The lock is held. With 0 attempts if a task of this process handed it over. `wokenBy`: what brought the request
   * that got it, a message over `wakeUps` or the pace of polls; undefined if no other process was waited for. `gapMs`:
   * how long ago that process released it; undefined unless it said so over a channel whose users share a clock, such
   * as `localWakeUps()`.
   */
  acquired: LockEvent & {
    readonly waitedMs: number;
    readonly attempts: number;
    readonly wokenBy: "message" | "poll" | undefined;
    readonly gapMs: number | undefined;
  };
  /**
   * A renewal was answered. `tookMs`: how long that took; `msLeft`: what was left of the lease then, in milliseconds.
   */
  renewed: LockEvent & { readonly tookMs: number; readonly msLeft: number };
  /** A renewal failed. It is tried again until nothing is left of the lease. */
  renewFailed: LockEvent & { readonly error: unknown; readonly msLeft: number; readonly attempt: number };
  /** The lock has been held for `overdueAfterMs`, and goes on being held. Told once. */
  overdue: LockEvent & { readonly heldMs: number };
  /** The lock went to the next task of this process; or, with `fair`, to the process that is next. */
  handedOver: LockEvent & { readonly heldMs: number; readonly to: "task" | "process" };
  /** The lock is lost. `heldMs`: how long it was held, in milliseconds. */
  lost: LockEvent & { readonly heldMs: number; readonly error: LockLostError };
  /** The lock was given back. With an `error` if the service did not answer: the lease lapses by itself. */
  released: LockEvent & { readonly heldMs: number; readonly error?: unknown };
}

type EventListener = (event: never) => unknown;

const EVENT_NAMES: readonly string[] = [
  "acquired",
  "renewed",
  "renewFailed",
  "overdue",
  "handedOver",
  "lost",
  "released",
] satisfies (keyof LockEvents)[];

/** The listeners of one lock, or of one job, by event. */
export class Listeners<Events extends object = LockEvents> {
  readonly #log: (message: string) => void;
  readonly #names: readonly string[];
  /** Made for the first listener: most lockers have none. */
  #of: Map<string, Set<EventListener>> | undefined;

  constructor(log: (message: string) => void, names: readonly string[] = EVENT_NAMES) {
    this.#log = log;
    this.#names = names;
  }

  get isEmpty(): boolean {
    return !this.#of?.size;
  }

  /** Throws `TypeError` for what is no event, or no function. One that is there already is told once. */
  add(name: string, listener: EventListener): void {
    this.#check(name, listener);
    this.#of ??= new Map();
    this.#of.set(name, (this.#of.get(name) ?? new Set()).add(listener));
  }

  remove(name: string, listener: EventListener): void {
    this.#check(name, listener);
    const listeners = this.#of?.get(name);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#of?.delete(name);
  }

  /** Dispatched in a microtask, so a listener never runs in the middle of a state change. */
  tell<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    for (const listener of this.#of?.get(name) ?? []) queueMicrotask(() => void this.#call(name, listener, event));
  }

  #check(name: string, listener: unknown): void {
    if (!this.#names.includes(name))
      throw new TypeError(`event must be one of ${this.#names.join(", ")}, not ${shown(name)}`);
    if (typeof listener !== "function") throw new TypeError(`listener must be a function, not ${shown(listener)}`);
  }

  async #call(name: string, listener: EventListener, event: unknown): Promise<void> {
    try {
      await listener(event as never);
    } catch (error) {
      this.#log(`a listener for "${name}" failed: ${String(error)}`);
    }
  }
}
