import { FencingTokens } from "../lease/fencing.ts";
import type { BlobOf } from "../lease/lock-blob.ts";
import { endQuietly } from "./held.ts";
import type { Hold } from "./hold.ts";
import { LocalQueue } from "./local-queue.ts";
import type { ProcessLease } from "./process-lease.ts";

/** What this process knows of one key, or of a helper blob. */
export interface KeyState {
  /** The name of the lock, for people. */
  readonly key: string;
  readonly queue: LocalQueue<ProcessLease>;
  readonly tokens: FencingTokens;
}

/**
 * How many keys are remembered that no task of this process uses. A key that was forgotten costs two more requests when
 * it is next locked.
 */
const MOST_IDLE_KEYS = 10_000;
/** How many holds may be remembered beyond their end before they are forgotten. */
const FEWEST_HOLDS = 64;

/** What this process knows of each key, and what it holds of them. */
export class KeyStates {
  readonly #states = new Map<string, KeyState>();
  /** What this process holds of each key, and some of what it held. */
  readonly #holds = new Map<KeyState, Hold>();
  #sweepAt = FEWEST_HOLDS;

  of({ key, name = key }: BlobOf): KeyState {
    const state = this.#states.get(name) ?? { key, queue: new LocalQueue(), tokens: new FencingTokens() };
    // It moves to the end of the map, so that the beginning has the keys that were not used for longest.
    this.#states.delete(name);
    this.#states.set(name, state);
    if (this.#states.size > MOST_IDLE_KEYS) this.#forgetOldest();
    return state;
  }

  /** Whether a task of this process holds, or waits for, the lease of the blob. */
  isBusy(name: string): boolean {
    return this.#states.get(name)?.queue.busy ?? false;
  }

  /** Whether a task of this process holds or waits for anything. */
  get areBusy(): boolean {
    for (const { queue } of this.#states.values()) if (queue.busy) return true;
    return false;
  }

  /** A task of this process holds the lease. */
  remember(state: KeyState, hold: Hold): void {
    this.#holds.set(state, hold);
    if (this.#holds.size < this.#sweepAt) return;
    for (const key of this.#holds.keys()) if (!key.queue.busy) this.#holds.delete(key);
    this.#sweepAt = Math.max(FEWEST_HOLDS, 2 * this.#holds.size);
  }

  /** Ends all holds; their signals abort. Never rejects: what is not answered lapses by itself. */
  async revokeAll(log: (message: string) => void): Promise<void> {
    const revoked = [...this.#holds].map(([{ key }, hold]) =>
      endQuietly({ end: () => hold.revoke() }, log, `the lock on "${key}"`),
    );
    await Promise.all(revoked);
  }

  #forgetOldest(): void {
    for (const [name, state] of this.#states) {
      this.#states.delete(name);
      if (state.queue.busy) this.#states.set(name, state);
      return;
    }
  }
}
