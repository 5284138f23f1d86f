import { isMutexError, type LockLostError } from "../errors.ts";
import type { LeaseObserver, Renewal } from "./lease-observer.ts";
import type { Listeners, LockEvents } from "./lock-events.ts";
import { Observation, type ObservationOptions } from "./observation.ts";
import { errorType } from "./telemetry.ts";
import type { Wake } from "./wake.ts";

const RENEWAL = "azmutex.renewal";

export interface ObserverOptions extends ObservationOptions {
  /** Default: no task. */
  readonly listeners?: Listeners | undefined;
}

/** Observes the waits for one lock, and its holds. */
export class Observer {
  readonly #options: ObserverOptions;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** A task begins to wait. Undefined if there is no listener. */
  beginWait(): ObservedWait | undefined {
    const { telemetry } = this.#options;
    // A listener that comes later hears of later locks only.
    const listeners = this.#options.listeners?.isEmpty === false ? this.#options.listeners : undefined;
    return telemetry.isObserved || listeners ? new ObservedWait({ ...this.#options, listeners }) : undefined;
  }
}

/** What the end of a hold tells of it. */
interface EndedHold {
  readonly token?: number | undefined;
  readonly handedTo?: LockEvents["handedOver"]["to"] | undefined;
}

/** What the end of a wait tells of it. */
interface EndedWait {
  readonly error?: unknown;
  readonly token?: number | undefined;
  readonly wokenBy?: Wake["by"] | undefined;
  readonly gapMs?: number | undefined;
}

/** One caller's wait, from asking to holding or giving up. */
export class ObservedWait extends Observation {
  readonly #options: ObserverOptions;
  #attempts = 0;
  #wake: Wake | undefined;

  constructor(options: ObserverOptions) {
    super(options, "wait");
    this.#options = options;
  }

  /** The wait itself. What is asked for may be refused, as undefined. */
  async during<T>(acquire: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      const got = await this.run(acquire);
      if (got === undefined) this.#finish("held");
      return got;
    } catch (error) {
      if (signal?.aborted && error === signal.reason) this.#finish("aborted");
      // That another holder has the lock is no error; a service that does not answer is one.
      else if (isMutexError(error) && error.code === "LOCK_TIMEOUT") this.#finish("timeout", { error: error.cause });
      else this.#finish("failed", { error });
      throw error;
    }
  }

  /** The service, or its queue, is asked. */
  polled(): void {
    this.#attempts += 1;
    this.measure("azmutex.lock.polls", 1);
  }

  /** What brings the try that is about to be made. Undefined if that is a task of this process. */
  wokenBy(wake: Wake | undefined): void {
    this.#wake = wake;
  }

  /** It is held. */
  acquired({ token }: EndedHold): ObservedHold {
    const { telemetry } = this.#options;
    const { by: wokenBy, releasedAt } = this.#wake ?? {};
    const gapMs = releasedAt === undefined ? undefined : telemetry.clock.now() - releasedAt;
    const waitedMs = this.ms;
    const hold = new ObservedHold(this.#options, this, token);
    if (gapMs !== undefined) telemetry.gap(gapMs, "process");
    this.#finish("acquired", { token, wokenBy, gapMs });
    hold.tell("acquired", { waitedMs, attempts: this.#attempts, wokenBy, gapMs });
    return hold;
  }

  #finish(outcome: string, { error, token, wokenBy, gapMs }: EndedWait = {}): void {
    const gap = gapMs === undefined ? {} : { "azmutex.gap": gapMs / 1_000 };
    this.end(outcome, {
      error,
      told: wokenBy === undefined ? {} : { "azmutex.woken_by": wokenBy },
      more: { "azmutex.attempts": this.#attempts, ...tokenAttribute(token), ...gap },
      how: wokenBy === undefined ? "" : `, ${howText(wokenBy, gapMs)}`,
    });
  }
}

/** One hold, until it is given back or lost. */
export class ObservedHold extends Observation implements LeaseObserver {
  readonly #listeners: Listeners | undefined;
  readonly #event: { readonly key: string; readonly fencingToken: number | undefined };

  constructor(options: ObserverOptions, wait: Observation, token: number | undefined) {
    super(options, "hold", wait, tokenAttribute(token));
    this.#listeners = options.listeners;
    this.#event = { key: [options.key].flat().join(", "), fencingToken: token };
  }

  tell<Name extends keyof LockEvents>(name: Name, more: Omit<LockEvents[Name], "key" | "fencingToken">): void {
    this.#listeners?.tell(name, { ...this.#event, ...more } as LockEvents[Name]);
  }

  /** @inheritDoc */
  onRenewal({ kind, msLeft, ...renewal }: Renewal): void {
    if ("error" in renewal) {
      this.tell("renewFailed", { ...renewal, msLeft });
      this.note("azmutex.renewal.failed", {
        "error.type": errorType(renewal.error),
        "azmutex.remaining": msLeft / 1_000,
      });
    } else if (kind === "renewed") this.tell("renewed", { ...renewal, msLeft });
  }

  /** Gives the renewal a trace of its own: the trace in which the lock was asked for may have ended long ago. */
  renewing<T>(renew: () => Promise<T>): Promise<T> {
    return this.linked(RENEWAL, renew);
  }

  overdue(): void {
    this.measure("azmutex.lock.overdue", 1);
    this.tell("overdue", { heldMs: this.ms });
  }

  lost(error: LockLostError, heldMs: number = this.ms): void {
    const more = { "azmutex.why": error.why };
    if (!this.end("lost", { ms: heldMs, error, more })) return;
    this.measure("azmutex.lock.losses", 1, more);
    this.tell("lost", { heldMs, error });
  }

  /** It is being given back. The outcome is observed without delaying the release. */
  ends(ending: Promise<LockLostError | undefined>, tenure: EndedHold): void {
    const heldMs = this.ms;
    ending.then(
      (lost) => {
        if (lost) return this.lost(lost, heldMs);
        const { handedTo: to } = tenure;
        if (!this.end(to ? "handed_over" : "released", { ms: heldMs })) return;
        if (to) this.tell("handedOver", { heldMs, to });
        else this.tell("released", { heldMs });
      },
      (error) => this.end("unreleased", { ms: heldMs, error }) && this.tell("released", { heldMs, error }),
    );
  }
}

/** `woken by a message, 4 ms after the release` */
function howText(wokenBy: Wake["by"], gapMs: number | undefined): string {
  const how = wokenBy === "message" ? "woken by a message" : "found free by a poll";
  return gapMs === undefined ? how : `${how}, ${Math.round(gapMs)} ms after the release`;
}

function tokenAttribute(token: number | undefined): { "azmutex.token"?: number } {
  return token === undefined ? {} : { "azmutex.token": token };
}
