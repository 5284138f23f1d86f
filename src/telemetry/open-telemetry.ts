// The parts of OpenTelemetry's API that are used here, by shape. What a program registers with any 1.x of
// `@opentelemetry/api` is kept
// in one object of `globalThis`, so that all copies of the API in a process share it: reading it there needs no copy of
// our own.
// https://github.com/open-telemetry/opentelemetry-js/blob/main/api/src/internal/global-utils.ts

export type AttributeValue = string | number | boolean | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { readonly code: number; readonly message: string }): unknown;
  addEvent(name: string, attributes: Attributes): unknown;
  end(): void;
}

export interface SpanOptions {
  readonly attributes: Attributes;
  readonly links: readonly { readonly context: SpanContext }[];
  /** Whether the span begins a trace of its own, whatever span is active. Default: false. */
  readonly root?: boolean;
}

interface TracerProvider {
  getTracer(name: string, version: string): { startSpan(name: string, options: SpanOptions): Span };
}

interface InstrumentOptions {
  readonly unit: string;
  readonly description: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

export interface Counter {
  add(value: number, attributes: Attributes): void;
}

export interface Histogram {
  record(value: number, attributes: Attributes): void;
}

export interface Meter {
  createHistogram(name: string, options: InstrumentOptions): Histogram;
  createCounter(name: string, options: InstrumentOptions): Counter;
  createUpDownCounter(name: string, options: InstrumentOptions): Counter;
}

export interface MeterProvider {
  getMeter(name: string, version: string): Meter;
}

interface Context {
  setValue(key: symbol, value: unknown): Context;
}

interface ContextManager {
  active(): Context;
  with<T>(context: Context, work: () => T): T;
}

interface Registered {
  readonly trace?: TracerProvider;
  readonly metrics?: MeterProvider;
  readonly context?: ContextManager;
}

const REGISTERED = Symbol.for("opentelemetry.js.api.1");
/** The key under which a context carries its span. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/**
 * The name and version of this package, as the source of its spans and metrics. A test compares the version with
 * package.json.
 */
const SCOPE = ["azmutex", "0.1.0"] as const;

function registered(): Registered {
  return (globalThis as { readonly [REGISTERED]?: Registered })[REGISTERED] ?? {};
}

/**
 * Whether the program has registered a tracer or a meter provider. Without one, this look is all that telemetry costs.
 */
export function isRegistered(signal: "trace" | "metrics"): boolean {
  return registered()[signal] !== undefined;
}

export function meterProvider(): MeterProvider | undefined {
  return registered().metrics;
}

export function meterOf(provider: MeterProvider): Meter {
  return provider.getMeter(...SCOPE);
}

/** Starts a span, a child of the active one; undefined without a tracer provider. */
export function startSpan(name: string, options: SpanOptions): Span | undefined {
  return registered()
    .trace?.getTracer(...SCOPE)
    .startSpan(name, options);
}

/** Runs work with the span as the active one. Without a context manager there is no active span. */
export function withSpan(span: Span, work: () => void): void {
  const { context } = registered();
  if (context) context.with(context.active().setValue(SPAN, span), work);
  else work();
}
