import { shown } from "../../errors.ts";
import { checkMs } from "../../lease/terms.ts";
import { unlessAborted } from "../../time/abort.ts";
import type { Clock } from "../../time/clock.ts";
import { type LockSpace, untilIdle } from "../lock-space.ts";
import { endBySignal } from "./end-by-signal.ts";
import type { EndingProcess, EndingSignal } from "./ending-process.ts";
import { EndingSignals } from "./ending-signals.ts";
import { atExit } from "./exit-releases.ts";

/** What asks a process to end, and how it does. */
export interface ReleaseOnSignalsOptions {
  /**
   * At which signals. Default: SIGTERM and SIGINT. Windows has no SIGTERM: there SIGINT (Ctrl-C), SIGBREAK (Ctrl-Break)
   * and SIGHUP (the console is closed) are all there is, and a service that is stopped gets none of them.
   */
  signals?: readonly EndingSignal[] | undefined;
  /**
   * How long the process may take from the signal to its end, in milliseconds. Default: 10,000. What is still held then
   * is not released, because work may still go on under it: the process ends, and the lock lapses with its lease. Stay
   * below the time after which the platform kills: 30 s in Kubernetes and Container Apps, 10 s with `docker stop`.
   *
   * **The end of another listener counts too**: a framework that needs longer to close its server is cut off.
   * `Infinity` leaves all the time to the other listeners, and to the work.
   */
  graceMs?: number | undefined;
  /**
   * Ends work that does not end by {@link Shutdown.signal}. The process waits for it. **Whatever is still held when it
   * resolves is released, as {@link AzureMutex.releaseAll} does, so no work may go on under any of these locks then.**
   * If it rejects, nothing is. Default: each lock is released by its holder.
   */
  stopWork?: ((signal: EndingSignal) => Promise<void> | void) | undefined;
}

const KNOWN: readonly EndingSignal[] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGUSR2"];
const SIGNALS: readonly EndingSignal[] = ["SIGTERM", "SIGINT"];
const GRACE_MS = 10_000;

/** The end of a process that was asked to end by a signal, once everything it held is released. */
export class Shutdown {
  readonly #asked = new AbortController();
  readonly #spaces: readonly [LockSpace, ...LockSpace[]];
  readonly #host: EndingProcess;
  readonly #graceMs: number;
  readonly #stopWork: ReleaseOnSignalsOptions["stopWork"];
  readonly #signals: EndingSignals;
  /** Settles when the first signal was answered. */
  #released: Promise<void> | undefined;
  #isReleased = false;
  #isOver = false;

  /** @internal */
  constructor(spaces: readonly [LockSpace, ...LockSpace[]], options: ReleaseOnSignalsOptions, host: EndingProcess) {
    const { signals = SIGNALS, graceMs = GRACE_MS, stopWork } = options;
    checkSignals(signals);
    checkMs(graceMs, "graceMs");
    if (stopWork !== undefined && typeof stopWork !== "function") {
      throw new TypeError(`stopWork must be a function, not ${shown(stopWork)}`);
    }
    this.#spaces = spaces;
    this.#host = host;
    this.#graceMs = graceMs;
    this.#stopWork = stopWork;
    this.#signals = new EndingSignals(host, spaces[0].clock, signals, (asked, name) => {
      if (asked === "begin") this.#released = this.#release(name);
      else if (asked === "endNow" || this.#isReleased) this.#end(name);
    });
  }

  /**
   * Aborts at the first signal, with an `AbortError` that names it. Hand it to the work, which is to end, and to
   * whatever waits for a lock. It does not abort when a lock is lost: give it to a lock as `until`, and `lock.signal`
   * to the work.
   */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /**
   * Before any signal: listens no more. After one: waits until everything is released and, unless another listener
   * decides that, the process is about to end; under `await using`, so that the program does not end by itself before.
   * Never throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#released !== undefined) await this.#released;
    else this.#signals.stop();
  }

  /** Releases what is held, and ends the process, if that is for this shutdown to decide by then. Never rejects. */
  async #release(name: EndingSignal): Promise<void> {
    const enough = new AbortController();
    const timer = this.#clock.setTimer(this.#graceMs, () => enough.abort(), { keepAlive: true });
    const stopReleasing = atExit(this.#host, {
      spaces: this.#spaces,
      isWorking: () => false,
      onLeft: () => this.#log(`${name}: the process ends before everything is released; what is held lapses by itself`),
    });
    this.#asked.abort(new DOMException(`the process was asked to end by ${name}`, "AbortError"));
    try {
      await unlessAborted(this.#stopAndReleaseAll(name, enough.signal), enough.signal);
      await untilIdle(this.#clock, this.#spaces, enough.signal);
    } catch {
      this.#log(`${name}: not everything was released within ${this.#graceMs} ms; what is held lapses by itself`);
    }
    timer.cancel();
    stopReleasing();
    this.#isReleased = true;
    if (!this.#signals.othersDecide || enough.signal.aborted) return this.#end(name);
    // The timer keeps no process alive that has nothing else to do: such a process ends well.
    this.#clock.setTimer(this.#leftMs, () => {
      if (!this.#isOver)
        this.#log(`${name}: another listener has not ended the process within ${this.#graceMs} ms: it ends now`);
      this.#end(name);
    });
  }

  /** Rejects with the signal's reason alone. */
  async #stopAndReleaseAll(name: EndingSignal, signal: AbortSignal): Promise<void> {
    if (!this.#stopWork) return;
    try {
      await this.#stopWork(name);
    } catch (error) {
      this.#log(`${name}: stopWork failed, so nothing is released for it: ${String(error)}`);
      return;
    }
    await Promise.all(this.#spaces.map((space) => space.releaseAllUntil(signal)));
  }

  #end(name: EndingSignal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signals.stop();
    endBySignal(this.#host, this.#clock, name, this.#leftMs);
  }

  get #clock(): Clock {
    return this.#spaces[0].clock;
  }

  /** How much is left of the time that the process may take, in milliseconds. */
  get #leftMs(): number {
    return Math.max(0, this.#graceMs - this.#signals.sinceFirstMs);
  }

  #log(message: string): void {
    for (const space of this.#spaces) space.log(message);
  }
}

function checkSignals(signals: unknown): void {
  if (!Array.isArray(signals) || signals.length === 0)
    throw new TypeError(`signals must be an array of names, not ${shown(signals)}`);
  for (const name of signals) {
    if (!KNOWN.includes(name)) throw new TypeError(`signals must be of ${KNOWN.join(", ")}, not ${shown(name)}`);
  }
}
