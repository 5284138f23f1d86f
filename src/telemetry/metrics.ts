import {
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  type MeterProvider,
  meterOf,
  meterProvider,
} from "./open-telemetry.ts";

/** What it counts, or where the buckets of its seconds end; and what it is, for people. */
type Description = readonly [of: string | readonly number[], description: string];

/** Where buckets end, in seconds: of what takes as long as requests do, and of what may take days. */
const SHORT = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LONG = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];
const LEASE = [0, 1, 2.5, 5, 7.5, 10, 15, 20, 25, 30, 40, 50, 60];

export type MetricName =
  | "azmutex.lock.wait.duration"
  | "azmutex.lock.hold.duration"
  | "azmutex.lock.handover.gap"
  | "azmutex.lease.renewal.duration"
  | "azmutex.lease.renewal.remaining"
  | "azmutex.lease.try.failures"
  | "azmutex.lock.losses"
  | "azmutex.lock.overdue"
  | "azmutex.lock.polls"
  | "azmutex.storage.requests"
  | "azmutex.lock.held"
  | "azmutex.lock.waiting"
  | "azmutex.once.slots"
  | "azmutex.once.lateness";

const METRICS: Readonly<Record<MetricName, Description>> = {
  "azmutex.lock.wait.duration": [LONG, "From asking to holding or giving up."],
  "azmutex.lock.hold.duration": [LONG, "From holding to giving back, or losing."],
  "azmutex.lock.handover.gap": [SHORT, "Between two holds, in a process or on a machine."],
  "azmutex.lease.renewal.duration": [SHORT, "Until a renewal was answered."],
  "azmutex.lease.renewal.remaining": [LEASE, "What was left of the lease then."],
  "azmutex.lease.try.failures": ["{try}", "Requests that failed."],
  "azmutex.lock.losses": ["{loss}", "What was held and lost."],
  "azmutex.lock.overdue": ["{lock}", "What was held for longer than it should be."],
  "azmutex.lock.polls": ["{poll}", "How often waiters asked."],
  "azmutex.storage.requests": ["{request}", "Requests to the service."],
  "azmutex.lock.held": ["{lock}", "What this process holds."],
  "azmutex.lock.waiting": ["{waiter}", "Tasks of this process that wait."],
  "azmutex.once.slots": ["{slot}", "Slots that were asked for, by what came of them."],
  "azmutex.once.lateness": [LONG, "From a slot that is a date to the beginning of its work."],
};
/** Those that go down again. */
const LEVELS: readonly string[] = ["azmutex.lock.held", "azmutex.lock.waiting"] satisfies MetricName[];

type Instrument = Counter | Histogram;

/** The instruments of one meter provider. */
export class Metrics {
  readonly provider: MeterProvider;
  readonly #instruments = new Map<string, Instrument>();

  constructor(provider: MeterProvider) {
    this.provider = provider;
    const meter = meterOf(provider);
    for (const [name, description] of Object.entries<Description>(METRICS))
      this.#instruments.set(name, instrument(meter, name, description));
  }

  /** Never throws. */
  measure(name: MetricName, value: number, attributes: Attributes = {}): void {
    try {
      const found = this.#instruments.get(name);
      if (found && "record" in found) found.record(value, attributes);
      else found?.add(value, attributes);
    } catch {
      // A meter that throws must not cost a lock.
    }
  }
}

let latest: Metrics | undefined;

/**
 * The instruments of the provider that is registered at this moment, if there is one. Instruments that were made before
 * it was registered never record.
 */
export function metrics(): Metrics | undefined {
  try {
    const provider = meterProvider();
    if (!provider) return undefined;
    if (provider !== latest?.provider) latest = new Metrics(provider);
    return latest;
  } catch {
    return undefined;
  }
}

function instrument(meter: Meter, name: string, [of, description]: Description): Instrument {
  if (typeof of !== "string")
    return meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries: [...of] } });
  const options = { unit: of, description };
  return LEVELS.includes(name) ? meter.createUpDownCounter(name, options) : meter.createCounter(name, options);
}
