import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Longer than any test: what is measured is collected when it is asked for. */
const NEVER_MS = 2 ** 31 - 1;

/** The real SDK, with its exporters in memory, as a program registers it. */
export class OpenTelemetrySdk {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #meters: MeterProvider;
  readonly #started: string[] = [];

  constructor() {
    const reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: NEVER_MS });
    this.#meters = new MeterProvider({ readers: [reader] });
    const counting = {
      onStart: (span: { name: string }) => void this.#started.push(span.name),
      onEnd: () => undefined,
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
    };
    const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans), counting] });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(tracers);
    metrics.setGlobalMeterProvider(this.#meters);
  }

  /** Spans that have ended, in that order. */
  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** The last of them of that name. Throws if there is none. */
  span(name: string): ReadableSpan {
    const found = this.spans.findLast((span) => span.name === name);
    if (!found) throw new Error(`no span "${name}" has ended`);
    return found;
  }

  /** How many spans have begun and not ended. */
  get openSpans(): number {
    return this.#started.length - this.spans.length;
  }

  /** All that was measured. */
  async collect(): Promise<readonly MetricData[]> {
    this.#metrics.reset();
    await this.#meters.forceFlush();
    return this.#metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  }

  /** What came of one metric, by its attributes: its value, or of a histogram how often something was measured. */
  async measured(name: string): Promise<Readonly<Record<string, number>>> {
    const found = (await this.collect()).find(({ descriptor }) => descriptor.name === name);
    const points: readonly { attributes: object; value: unknown }[] = found?.dataPoints ?? [];
    return Object.fromEntries(
      points.map(({ attributes, value }) => [
        Object.values(attributes).join(" "),
        typeof value === "number" ? value : (value as { count: number }).count,
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    context.disable();
    trace.disable();
    metrics.disable();
    await this.#meters.shutdown();
  }
}
