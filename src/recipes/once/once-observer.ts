import type { Slot } from "../../blobs/once-slot.ts";
import { isMutexError } from "../../errors.ts";
import { Listeners } from "../../telemetry/lock-events.ts";
import { quietly, runUnder } from "../../telemetry/observation.ts";
import { type Span, startSpan } from "../../telemetry/open-telemetry.ts";
import { errorType, type Telemetry } from "../../telemetry/telemetry.ts";
import { Stopwatch } from "../../time/clock.ts";
import { ONCE_EVENT_NAMES, type OnceEvents } from "./once-events.ts";
import type { OnceResult } from "./once-result.ts";

/** How metrics and spans call what came of a slot. */
const OUTCOME_ATTRIBUTES = {
  ran: "done",
  alreadyDone: "already_done",
  passed: "passed",
  running: "running",
  gaveUp: "gave_up",
};

/** The beginning of the work of a slot. */
export interface SlotStart {
  readonly attempt: number;
  readonly fencingToken: number;
  readonly latenessMs: number | undefined;
}

/** Sees what becomes of the slots of one key in this process. */
export class OnceObserver {
  readonly key: string;
  readonly listeners: Listeners<OnceEvents>;
  readonly telemetry: Telemetry;

  constructor(key: string, { telemetry, log }: { telemetry: Telemetry; log: (message: string) => void }) {
    this.key = key;
    this.telemetry = telemetry;
    this.listeners = new Listeners(log, ONCE_EVENT_NAMES);
  }

  /** A slot is asked for: {@link ObservedSlot.isOf} says which. */
  observe(): ObservedSlot {
    return new ObservedSlot(this);
  }
}

/** One call for one slot, as a span, in metrics and in events. */
export class ObservedSlot {
  readonly #observer: OnceObserver;
  /** Undefined until the service's time is known, where the slot comes of that. */
  #slot: Slot | undefined;
  #span: Span | undefined;
  #start: (SlotStart & { readonly since: Stopwatch }) | undefined;

  constructor(observer: OnceObserver) {
    const { telemetry, key } = observer;
    this.#observer = observer;
    quietly(() => {
      if (!telemetry.traces) return;
      const attributes = { "azmutex.kind": "once", ...telemetry.keyAttributes(key) };
      this.#span = startSpan("azmutex.once", { attributes, links: [] });
    });
  }

  /** It is this one. */
  isOf(slot: Slot): void {
    this.#slot = slot;
  }

  /** The call itself. */
  async during<T>(call: () => Promise<OnceResult<T>>): Promise<OnceResult<T>> {
    try {
      const result = await runUnder(this.#span, call);
      this.#finish(OUTCOME_ATTRIBUTES[result.outcome]);
      if (result.outcome === "ran") this.#tellEnd("done");
      else this.#tell("skipped", { outcome: result.outcome });
      return result;
    } catch (error) {
      const outcome = isMutexError(error) && error.code === "LOCK_LOST" ? "lost" : "failed";
      this.#finish(outcome, error);
      this.#tellEnd(outcome, error);
      throw error;
    }
  }

  /** The work begins. */
  begins(start: SlotStart): void {
    const { telemetry } = this.#observer;
    this.#start = { ...start, since: new Stopwatch(telemetry.clock) };
    const { attempt, latenessMs, fencingToken } = start;
    const lateness = latenessMs === undefined ? undefined : latenessMs / 1_000;
    if (lateness !== undefined) telemetry.metrics?.measure("azmutex.once.lateness", lateness);
    const late = lateness === undefined ? {} : { "azmutex.lateness": lateness };
    quietly(() => this.#span?.setAttributes({ "azmutex.attempt": attempt, "azmutex.token": fencingToken, ...late }));
    this.#tell("started", start);
  }

  #tellEnd(outcome: OnceEvents["ended"]["outcome"], error?: unknown): void {
    if (!this.#start) return;
    const { attempt, fencingToken, since } = this.#start;
    const failure = outcome === "done" ? {} : { error };
    this.#tell("ended", { attempt, fencingToken, tookMs: since.elapsedMs, outcome, ...failure });
  }

  #tell<Name extends keyof OnceEvents>(name: Name, more: Omit<OnceEvents[Name], "key" | "slot">): void {
    const { key, listeners } = this.#observer;
    listeners.tell(name, { key, slot: this.#slot, ...more } as OnceEvents[Name]);
  }

  #finish(outcome: string, error?: unknown): void {
    const { telemetry } = this.#observer;
    const told = { "azmutex.outcome": outcome, ...(error !== undefined && { "error.type": errorType(error) }) };
    telemetry.metrics?.measure("azmutex.once.slots", 1, told);
    quietly(() => {
      this.#span?.setAttributes(told);
      if (error !== undefined) this.#span?.setStatus({ code: 2, message: telemetry.failureOf(error) });
    });
    quietly(() => this.#span?.end());
  }
}
