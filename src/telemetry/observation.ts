import { azureLog, azureLogTakes } from "../store/azure/sdk-log.ts";
import type { MetricName, Metrics } from "./metrics.ts";
import { type Attributes, type Span, startSpan, withSpan } from "./open-telemetry.ts";
import { errorType, type Telemetry } from "./telemetry.ts";

/** The kinds of locks. */
type Kind = "lock" | "election" | "semaphore" | "read" | "write" | "lock_all" | "once";

/** The names of the spans of a wait and of a hold. */
const SPANS: Readonly<Record<Kind, { readonly wait: string; readonly hold: string }>> = {
  lock: { wait: "azmutex.lock", hold: "azmutex.hold" },
  election: { wait: "azmutex.election.campaign", hold: "azmutex.election.lead" },
  semaphore: { wait: "azmutex.semaphore.acquire", hold: "azmutex.semaphore.hold" },
  read: { wait: "azmutex.rwlock.read", hold: "azmutex.rwlock.read.hold" },
  write: { wait: "azmutex.rwlock.write", hold: "azmutex.rwlock.write.hold" },
  lock_all: { wait: "azmutex.lock_all", hold: "azmutex.lock_all.hold" },
  once: { wait: "azmutex.once.lock", hold: "azmutex.once.hold" },
};
const LEVEL_METRICS = { wait: "azmutex.lock.waiting", hold: "azmutex.lock.held" } as const;

/** `SpanStatusCode.ERROR` */
const ERROR = 2;

export interface ObservationOptions {
  readonly telemetry: Telemetry;
  readonly kind: Kind;
  /** One, or those of several locks that are held together. */
  readonly key: string | readonly string[];
}

export interface ObservationEnd {
  /** Default: how long it has been. */
  readonly ms?: number;
  /** Default: none. */
  readonly error?: unknown;
  /** For span and metric. Default: nothing. */
  readonly told?: Attributes;
  /** For the span alone. Default: nothing. */
  readonly more?: Attributes;
  /** For the line of the log alone. Default: nothing. */
  readonly how?: string;
}

/** The time of one wait or one hold, as span and metrics. A tracer or meter that throws costs no lock. */
export class Observation {
  readonly #options: ObservationOptions;
  readonly #what: "wait" | "hold";
  readonly #since: number;
  readonly #metrics: Metrics | undefined;
  #span: Span | undefined;
  #isOver = false;

  /** It is a child of the active span; after another one it is linked to that. */
  constructor(options: ObservationOptions, what: "wait" | "hold", before?: Observation, more?: Attributes) {
    const { telemetry, kind, key } = options;
    this.#options = options;
    this.#what = what;
    this.#since = telemetry.clock.now();
    this.#metrics = telemetry.metrics;
    quietly(() => {
      if (!telemetry.traces) return;
      const earlier = before ? before.#span : undefined;
      const links = earlier ? [{ context: earlier.spanContext() }] : [];
      const attributes = { "azmutex.kind": kind, ...telemetry.keyAttributes(key), ...more };
      this.#span = startSpan(SPANS[kind][what], { attributes, links });
    });
    this.measure(LEVEL_METRICS[what], 1);
  }

  /** How long it has been, in milliseconds. */
  get ms(): number {
    return this.#options.telemetry.clock.now() - this.#since;
  }

  measure(name: MetricName, value: number, more?: Attributes): void {
    this.#metrics?.measure(name, value, { "azmutex.kind": this.#options.kind, ...more });
  }

  /** Runs something with its span as the active one: once, whatever the API makes of it. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return runUnder(this.#span, work);
  }

  /** Runs something under a span that is the root of a trace of its own, linked to this one. */
  async linked<T>(name: string, work: () => Promise<T>): Promise<T> {
    const linked = this.#span;
    if (!linked) return await work();
    const { telemetry, kind, key } = this.#options;
    let span: Span | undefined;
    quietly(() => {
      const attributes = { "azmutex.kind": kind, ...telemetry.keyAttributes(key) };
      const links = [{ context: linked.spanContext() }];
      span = startSpan(name, { attributes, links, root: true });
    });
    try {
      return await runUnder(span, work);
    } catch (error) {
      quietly(() => {
        span?.setAttributes({ "error.type": errorType(error) });
        span?.setStatus({ code: ERROR, message: telemetry.failureOf(error) });
      });
      throw error;
    } finally {
      quietly(() => span?.end());
    }
  }

  /** An event on its span. */
  note(name: string, attributes: Attributes): void {
    quietly(() => this.#span?.addEvent(name, attributes));
  }

  /** Whether this is its end, and not something after it. */
  end(outcome: string, { ms = this.ms, error, more, how = "", ...end }: ObservationEnd): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    const { telemetry, kind, key } = this.#options;
    const what = this.#what;
    const failure = error !== undefined && { "error.type": errorType(error) };
    const told = { "azmutex.outcome": outcome, ...failure, ...end.told };
    this.measure(LEVEL_METRICS[what], -1);
    this.measure(`azmutex.lock.${what}.duration`, ms / 1_000, told);
    const span = this.#span;
    quietly(() => {
      span?.setAttributes({ ...told, ...more, [`azmutex.${what}`]: ms / 1_000 });
      if (error !== undefined) span?.setStatus({ code: ERROR, message: telemetry.failureOf(error) });
    });
    quietly(() => span?.end());
    if (azureLogTakes("info")) azureLog("info", `${kind} of "${key}": ${outcome} after ${Math.round(ms)} ms${how}`);
    return true;
  }
}

/** Runs something with a span as the active one. It runs exactly once, also where the API throws. */
export function runUnder<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  let running: Promise<T> | undefined;
  const once = (): void => {
    running ??= work();
  };
  quietly(() => span && withSpan(span, once));
  return running ?? work();
}

/** Telemetry that throws is not heard of. */
export function quietly(say: () => unknown): void {
  try {
    say();
  } catch {
    // There is nowhere to say so.
  }
}
