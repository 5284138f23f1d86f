import { Stopwatch, sleep } from "../clock.ts";
import type { StoreUnavailableError } from "../errors.ts";
import { isUnsure, retryDelayMs, type Silence } from "../lease/attempt.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import type { Patience } from "./patience.ts";

export interface AskingOptions {
  readonly blob: LockBlob;
  readonly patience: Patience;
  /** For how long to go on without any answer from the service. */
  readonly silence: Silence;
  /** How many times as long as the last step, which brought nothing, a step takes that brings what is wanted. Default: as long. */
  readonly longer?: number;
  /** Waits until the next step is due. Default: sleeps, until the patience ends. */
  readonly rest?: (ms: number) => Promise<void>;
}

/** Nobody rests longer because the service asks for it. */
const LONGEST_REST_MS = 60_000;

/** How long to rest after so many failures in a row, in milliseconds, with what the service asked for up to a minute. */
export function restAfter({ retryAfterMs = 0 }: StoreUnavailableError, failures: number, random: () => number): number {
  return Math.max(retryDelayMs(failures, random), Math.min(LONGEST_REST_MS, retryAfterMs));
}

/**
 * Takes one step after the other, with as many milliseconds of rest in between as each asks for, until one brings what is
 * wanted. Short failures of the service are waited out. Throws the patience's reason, `StoreUnavailableError` when there was
 * no answer for too long, and what a step throws when the service certainly refuses.
 */
export async function keepAsking<T extends object>(options: AskingOptions, step: () => Promise<T | number>): Promise<T> {
  const { blob, patience, silence, rest } = options;
  const { clock, random, key, log } = blob;
  const { signal } = patience;
  for (let failures = 0; ; ) {
    const asked = new Stopwatch(clock);
    let delayMs: number;
    silence.asks(asked);
    patience.asks();
    try {
      const outcome = await step();
      if (typeof outcome !== "number") return outcome;
      failures = 0;
      silence.broken();
      patience.answered();
      delayMs = outcome;
    } catch (error) {
      if (signal.aborted || !isUnsure(error)) throw error;
      log(`waiting for "${key}": ${error.message}`);
      silence.endure(error, key);
      patience.answered(error.answered ? undefined : error);
      failures += 1;
      delayMs = restAfter(error, failures, random);
    }
    if (delayMs <= 0) continue;
    const restMs = patience.untilNextPoll(delayMs, (options.longer ?? 1) * asked.elapsedMs);
    await (rest ? rest(restMs) : sleep(clock, restMs, { signal }));
  }
}
