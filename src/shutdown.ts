import { constants } from "node:os";
import { unlessAborted } from "./abort.ts";
import { type Clock, sleep } from "./clock.ts";
import { LockSpace } from "./lock-space.ts";
import { checkMs, shown } from "./options.ts";

/** A signal that asks a process to end, and does end it if nobody listens. */
export type EndingSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | "SIGBREAK" | "SIGUSR2";

/** What asks a process to end, and how it does. */
export interface ReleaseOnSignalsOptions {
  /**
   * At which signals. Default: SIGTERM and SIGINT. Windows has no SIGTERM: there SIGINT (Ctrl-C), SIGBREAK (Ctrl-Break) and SIGHUP
   * (the console is closed) are all there is, and a service that is stopped gets none of them.
   */
  signals?: readonly EndingSignal[];
  /**
   * How long the process may take from the signal to its end, in milliseconds. Default: 10,000. What is still held then is not
   * released, because work may still go on under it: the process ends, and the lock lapses with its lease. Stay below the time after
   * which whoever sent the signal kills: 30 s in Kubernetes and Container Apps, 10 s with `docker stop`.
   */
  graceMs?: number;
  /**
   * Ends work that does not end by {@link Shutdown.signal}. The process waits for it. **Whatever is still held when it resolves is
   * released, so no work may go on under any of these locks then.** If it rejects, nothing is. Default: each lock is released by whoever
   * holds it.
   */
  stopWork?: (signal: EndingSignal) => Promise<void> | void;
}

/** The process, as far as signals end it. */
export interface Host {
  readonly pid: number;
  prependListener(name: EndingSignal, listener: () => void): unknown;
  off(name: EndingSignal, listener: () => void): unknown;
  // biome-ignore lint/complexity/noBannedTypes: as Node has it
  listeners(name: EndingSignal): readonly Function[];
  kill(pid: number, name: EndingSignal): unknown;
  exit(code: number): unknown;
}

const KNOWN: readonly EndingSignal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGUSR2"];
const SIGNALS: readonly EndingSignal[] = ["SIGTERM", "SIGINT"];
const GRACE_MS = 10_000;
/** How often to look whether everything is released. */
const LOOK_EVERY_MS = 20;
/** So often in a row nothing may be seen of any lock: from one request to the next there is a moment without any. */
const QUIET_LOOKS = 2;
/** A signal that follows so soon is no second wish: npm passes on a Ctrl-C that the terminal has sent to everybody already. */
const SAME_WISH_MS = 500;
/** A marked listener is one of ours, of this copy of the package or of another. */
const OURS: unique symbol = Symbol.for("azmutex.Shutdown");

/** The end of a process that was asked to end by a signal, once everything it held is released. */
export class Shutdown {
  /**
   * Aborts at the first signal, with an `AbortError` that names it. Hand it to the work, which is to end, and to whatever waits for a
   * lock. It does not abort when a lock is lost: for work under a lock, use `AbortSignal.any([lock.signal, shutdown.signal])`.
   */
  readonly signal: AbortSignal;
  readonly #asked = new AbortController();
  readonly #spaces: readonly LockSpace[];
  readonly #clock: Clock;
  readonly #host: Host;
  readonly #graceMs: number;
  readonly #stopWork: NonNullable<ReleaseOnSignalsOptions["stopWork"]> | undefined;
  readonly #listeners: ReadonlyMap<EndingSignal, () => void>;
  #first: { readonly at: number; readonly over: Promise<void> } | undefined;

  /** @internal */
  constructor(spaces: readonly [LockSpace, ...LockSpace[]], options: ReleaseOnSignalsOptions, host: Host) {
    const { signals = SIGNALS, graceMs = GRACE_MS, stopWork } = options;
    checkSignals(signals);
    checkMs(graceMs, "graceMs");
    if (stopWork !== undefined && typeof stopWork !== "function") {
      throw new TypeError(`stopWork must be a function, not ${shown(stopWork)}`);
    }
    this.signal = this.#asked.signal;
    this.#spaces = spaces;
    this.#clock = spaces[0].clock;
    this.#host = host;
    this.#graceMs = graceMs;
    this.#stopWork = stopWork;
    this.#listeners = new Map(signals.map((name) => [name, Object.assign(() => this.#hear(name), { [OURS]: true })]));
    // Before all others, so that whoever listens once is still to be seen.
    for (const [name, listener] of this.#listeners) host.prependListener(name, listener);
  }

  /**
   * Before any signal: listens no more. After one: waits until the process is about to end; under `await using`, so that the
   * program does not end by itself before. Never throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#first) await this.#first.over;
    else this.#stopListening();
  }

  #hear(name: EndingSignal): void {
    const now = this.#clock.now();
    // Whoever else listens decides when the process ends, as if we were not there.
    const isOurs = this.#host.listeners(name).every((listener) => OURS in listener);
    if (!this.#first) {
      this.#first = { at: now, over: this.#end(name, isOurs) };
    } else if (isOurs && now - this.#first.at > SAME_WISH_MS) {
      this.#stopListening();
      this.#die(name);
    }
  }

  async #end(name: EndingSignal, isOurs: boolean): Promise<void> {
    const enough = new AbortController();
    const timer = this.#clock.setTimer(this.#graceMs, () => enough.abort(), { keepAlive: true });
    this.#asked.abort(new DOMException(`the process was asked to end by ${name}`, "AbortError"));
    try {
      await unlessAborted(this.#stopAndLetGo(name), enough.signal);
      for (let looks = 0; looks < QUIET_LOOKS; looks = this.#spaces.every(({ isIdle }) => isIdle) ? looks + 1 : 0) {
        await sleep(this.#clock, LOOK_EVERY_MS, { signal: enough.signal });
      }
    } catch {
      this.#log(`${name}: not everything was released within ${this.#graceMs} ms; what is held lapses by itself`);
    }
    timer.cancel();
    this.#stopListening();
    if (isOurs) this.#die(name);
  }

  /** Never rejects. */
  async #stopAndLetGo(name: EndingSignal): Promise<void> {
    if (!this.#stopWork) return;
    try {
      await this.#stopWork(name);
    } catch (error) {
      this.#log(`${name}: stopWork failed, so nothing is released for it: ${String(error)}`);
      return;
    }
    await Promise.all(this.#spaces.map((space) => space.endHolds()));
  }

  /** Ends the process by the signal, as it would have ended without us: whoever started it sees by what. */
  #die(name: EndingSignal): void {
    // Another of ours has something to release yet, and ends the process then.
    if (this.#host.listeners(name).length > 0) return;
    try {
      this.#host.kill(this.#host.pid, name);
    } catch {
      // Windows cannot send all the signals that it knows.
    }
    // Process 1 of a container does not die of its own signals.
    this.#clock.nextTurn(() => this.#host.exit(128 + (constants.signals[name] ?? 0)));
  }

  #stopListening(): void {
    for (const [name, listener] of this.#listeners) this.#host.off(name, listener);
  }

  #log(message: string): void {
    for (const space of this.#spaces) space.log(message);
  }
}

/**
 * Ends the process in good order when a signal asks it to: the work is told by {@link Shutdown.signal}, and as soon as nothing is held
 * or waited for any more, in any of these mutexes, and the service has been told of it, the process ends by that very signal (its exit
 * status is 128 and the signal's number). After `graceMs` it ends in any case, and a second signal, half a second after the first or
 * later, ends it at once; what is held then lapses with its lease.
 *
 * A lock is never released while work may go on under it: whoever holds one releases it, as `run` does when its work has ended, or
 * `stopWork` says that all work has ended. Whatever else the process has to finish is to be awaited there, too.
 *
 * If anybody else listens to the signal, that listener decides when the process ends. It keeps no process alive before a signal comes. In a
 * worker thread Node delivers none.
 *
 * @throws `TypeError` or `RangeError` for what is not a mutex, and for options that do not fit.
 */
export function releaseOnSignals(mutexes: LockSpace | readonly LockSpace[], options: ReleaseOnSignalsOptions = {}): Shutdown {
  return new Shutdown(spacesIn(mutexes), options, process);
}

/** Throws `TypeError` unless they are mutexes. */
export function spacesIn(mutexes: LockSpace | readonly LockSpace[]): [LockSpace, ...LockSpace[]] {
  const [first, ...others] = Array.isArray(mutexes) ? mutexes : [mutexes];
  if (first === undefined) throw new TypeError("mutexes must be at least one mutex, not none");
  for (const one of [first, ...others]) {
    if (!(one instanceof LockSpace)) throw new TypeError(`mutexes must be an AzureMutex, or several in an array, not ${shown(one)}`);
  }
  return [first, ...others];
}

function checkSignals(signals: unknown): void {
  if (!Array.isArray(signals) || signals.length === 0) throw new TypeError(`signals must be an array of names, not ${shown(signals)}`);
  for (const name of signals) {
    if (!KNOWN.includes(name)) throw new TypeError(`signals must be of ${KNOWN.join(", ")}, not ${shown(name)}`);
  }
}
