import { LinkedSignal } from "../../time/abort.ts";
import type { KeyState } from "../../waiting/key-states.ts";

/**
 * What the tasks of one process know of a semaphore's slots: which of them they gave back while others of them wait, so
 * that those need not look for it, and which they leave to other processes.
 */
export class LocalSlots {
  static readonly #all: WeakMap<KeyState, LocalSlots> = new WeakMap();
  /** Undefined until this process has asked. */
  #isClaimed: boolean | undefined;
  #gateLeft: Promise<unknown> = Promise.resolve();
  #slot: number | undefined;
  #bell: LinkedSignal | undefined;
  #since: number | undefined;
  /** The slots that are left to other processes, and until when. */
  readonly #left = new Map<number, number>();

  static of(state: KeyState): LocalSlots {
    const local = LocalSlots.#all.get(state) ?? new LocalSlots();
    LocalSlots.#all.set(state, local);
    return local;
  }

  /** Whether the key's blob says that it is a semaphore, as far as this process knows. */
  get isClaimed(): boolean {
    return this.#isClaimed === true;
  }

  /** Asks whether the key's blob says so, unless this process knows. */
  async claim(ask: () => Promise<boolean>): Promise<void> {
    this.#isClaimed ??= await ask();
  }

  /** Resolves when this process has left the gate. */
  get gateLeft(): Promise<unknown> {
    return this.#gateLeft;
  }

  /** This process is leaving the gate. */
  leaveGate(left: Promise<unknown>): void {
    this.#gateLeft = left;
  }

  /**
   * Whether the tasks of this process have passed slots to each other for `ms`: then one is left to other processes.
   */
  hasHadItsShare(now: number, ms: number): boolean {
    this.#since ??= now;
    if (now - this.#since < ms) return false;
    this.#since = undefined;
    return true;
  }

  /** No task of this process waits any more. */
  forget(): void {
    this.#since = undefined;
    this.#left.clear();
  }

  /** Leaves the slot to other processes until then. */
  leave(slot: number, until: number): void {
    this.#left.set(slot, until);
  }

  isLeft(slot: number, now: number): boolean {
    return (this.#left.get(slot) ?? now) > now;
  }

  /** In how many milliseconds the first slot that was left to other processes may be taken again. */
  leftForMs(now: number): number {
    return Math.min(...[...this.#left.values()].filter((until) => until > now).map((until) => until - now));
  }

  put(slot: number): void {
    this.#slot = slot;
    this.#bell?.abort(undefined);
  }

  take(): number | undefined {
    const slot = this.#slot;
    this.#slot = undefined;
    return slot;
  }

  /** Pauses, or until a slot is given back. */
  async rest(pause: (until: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#slot !== undefined) return;
    this.#bell = new LinkedSignal(signal);
    await pause(this.#bell.signal).catch(() => undefined);
    this.#bell.end();
    signal.throwIfAborted();
  }
}
