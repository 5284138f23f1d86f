import { randomUUID } from "node:crypto";
import { uptime as machineUptime } from "node:os";
import { type AnySignal, onAbort } from "./abort.ts";

/** A timer that can be called off. Calling it off twice, or after it fired, does nothing. */
export interface Timer {
  /** Keeps the timer from firing. Called again, or after it has fired, it does nothing. */
  cancel(): void;
}

/** How a timer is set. */
export interface TimerOptions {
  /**
   * Whether the process stays alive for this timer. Default: false. True only where a caller awaits what the timer
   * does: a caller who waits for a lock has something to do, a lease being renewed in the background has not.
   */
  keepAlive?: boolean | undefined;
}

/**
 * Everything azmutex knows about time. The real one is the default everywhere; tests bring `FakeClock`.
 * No other file reads a clock or sets a timer.
 */
export interface Clock {
  /** Milliseconds since some fixed point; never runs backwards, but may stand still while the machine sleeps. */
  now(): number;
  /** Milliseconds since some fixed point; goes on while the machine sleeps. */
  uptime(): number;
  /** Calls back once, after `ms` milliseconds of {@link Clock.now}, or later if the event loop is busy. */
  setTimer(ms: number, callback: () => void, options?: TimerOptions): Timer;
  /** Calls back after one turn of the event loop, when input that had already arrived has been read. */
  nextTurn(callback: () => void): void;
}

/** Node fires a longer timer at once (its delay is a signed 32-bit number). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * macOS: the monotonic clock counts sleep, and uptime comes in whole seconds. Elsewhere: some sandboxes forbid to ask.
 */
function machineUptimeMs(): number {
  if (process.platform === "darwin") return performance.now();
  try {
    return machineUptime() * 1000;
  } catch {
    return performance.now();
  }
}

/** Whether this runtime tells a time that goes on while the machine sleeps. */
export function countsSuspend(): boolean {
  if (process.platform === "darwin") return true;
  try {
    return machineUptime() > 0;
  } catch {
    return false;
  }
}

/** Each lock that is held has two of these, so it has one field. */
class SystemTimer implements Timer {
  #step: NodeJS.Timeout;

  constructor(ms: number, callback: () => void, keepAlive: boolean) {
    this.#step = this.#arm(ms, callback, keepAlive);
  }

  cancel(): void {
    clearTimeout(this.#step);
  }

  #arm(ms: number, callback: () => void, keepAlive: boolean): NodeJS.Timeout {
    const goOn = (): void => {
      this.#step = this.#arm(ms - LONGEST_TIMER_MS, callback, keepAlive);
    };
    const step = ms > LONGEST_TIMER_MS ? setTimeout(goOn, LONGEST_TIMER_MS) : setTimeout(callback, ms);
    return keepAlive ? step : step.unref();
  }
}

/**
 * The machine's clocks: `performance.now()`, which stops during suspend on Linux, and `os.uptime()`, which does not.
 */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  uptime: machineUptimeMs,
  setTimer(ms: number, callback: () => void, { keepAlive = false }: TimerOptions = {}): Timer {
    // Node drops fractions of a millisecond, and would call back too early.
    return new SystemTimer(Math.max(0, Math.ceil(ms)), callback, keepAlive);
  },
  nextTurn(callback: () => void): void {
    setImmediate(callback);
  },
});

/**
 * Milliseconds since 1970 by the machine's wall clock. It may jump either way: for dates that people read, never for
 * measuring.
 */
export function wallTime(): number {
  return Date.now();
}

/**
 * Milliseconds by the monotonic clock that all processes of this machine share. Undefined in a runtime that does not
 * tell it: Bun and Deno count from the start of the process.
 */
export function machineTime(): number | undefined {
  if (process.versions.bun !== undefined || process.versions.deno !== undefined) return undefined;
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/**
 * How far the two clocks may part before the machine is taken to have slept. `os.uptime()` counts in steps of 10 ms.
 */
export const SUSPEND_MS = 1_000;

/**
 * Time since one instant, by the clock that has seen more of it. Started just before a request is sent, it never says
 * less than the age of the lease which that request brings.
 */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #now: number;
  readonly #uptime: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.now();
    this.#uptime = clock.uptime();
  }

  /** Milliseconds since the start, suspend included. */
  get elapsedMs(): number {
    return this.read().elapsedMs;
  }

  /** Milliseconds since the start that the machine was awake: never more than have passed. */
  get awakeMs(): number {
    return this.#clock.now() - this.#now;
  }

  /** For how many of them the machine slept, as far as its two clocks tell. */
  get sleptMs(): number {
    return this.read().sleptMs;
  }

  /** Whether the machine slept, or a clock jumped, since the start. */
  get suspended(): boolean {
    return this.read().suspended;
  }

  /** All of it in one look at the clocks, of which the one that counts suspend costs several system calls. */
  read(): { readonly elapsedMs: number; readonly sleptMs: number; readonly suspended: boolean } {
    const awakeMs = this.awakeMs;
    const sleptMs = Math.max(0, this.#clock.uptime() - this.#uptime - awakeMs);
    return { elapsedMs: awakeMs + sleptMs, sleptMs, suspended: sleptMs > SUSPEND_MS };
  }
}

/**
 * Waits `ms` milliseconds, or rejects with the signal's own reason as soon as it aborts. Keeps the process alive unless
 * it is told that it is not waited for.
 */
export function sleep(
  clock: Clock,
  ms: number,
  { signal, keepAlive = true }: TimerOptions & { signal?: AnySignal | undefined } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = clock.setTimer(
      ms,
      () => {
        stopListening();
        resolve();
      },
      { keepAlive },
    );
    const stopListening = onAbort(signal, () => {
      timer.cancel();
      reject(signal?.reason);
    });
  });
}

/** Waits until the promise is settled, however, but for `ms` milliseconds at most. Does not keep the process alive. */
export function settledWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(ms, resolve);
    const settled = (): void => {
      timer.cancel();
      resolve();
    };
    promise.then(settled, settled);
  });
}

/** Where time, chance and ids come from. Every class gets them from its caller, so that tests can bring their own. */
export interface Sources {
  readonly clock: Clock;
  /** A number from 0 up to, but not including, 1. Default: `Math.random`. */
  readonly random: () => number;
  /** A fresh lower-case UUID. Default: `randomUUID` without its cache, which two copies of one machine would share. */
  readonly newId: () => string;
}

export const systemSources: Sources = Object.freeze({
  clock: systemClock,
  random: Math.random,
  // P3: with the cache, two copies of a machine would draw the same ids.
  newId: () => randomUUID({ disableEntropyCache: true }),
});
