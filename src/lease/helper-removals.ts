import { type Clock, Stopwatch } from "../time/clock.ts";
import { isUnsure } from "./retry.ts";

/**
 * How long a refusal stands before a sweep tries one deletion again, in milliseconds: credentials are rolled, rights
 * are granted, and a request may be refused by mistake.
 */
const REFUSED_FOR_MS = 120_000;

/**
 * Whether the credentials may delete helper blobs, as far as the last deletion told. Without that right helper blobs
 * stay.
 */
export class HelperRemovals {
  readonly #clock: Clock;
  /** How long ago a deletion was refused, or tried again since. Undefined after one that was answered. */
  #refused: Stopwatch | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a sweep may send one more deletion. After a refusal that is one every two minutes. */
  mayTry(): boolean {
    if (this.#refused === undefined) return true;
    if (this.#refused.elapsedMs < REFUSED_FOR_MS) return false;
    this.#refused = new Stopwatch(this.#clock);
    return true;
  }

  succeeded(): void {
    this.#refused = undefined;
  }

  /** A deletion failed. Logs a certain refusal, the first one only until a deletion succeeds. */
  failed(error: unknown, log: (message: string) => void): void {
    if (isUnsure(error)) return;
    const isFirst = this.#refused === undefined;
    this.#refused = new Stopwatch(this.#clock);
    if (!isFirst) return;
    const help = "grant the right to delete, or have a lifecycle rule delete them";
    log(`helper blobs cannot be deleted, and stay: ${help}: ${String(error)}`);
  }
}
