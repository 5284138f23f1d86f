import { createHash } from "node:crypto";
import { isMutexError, shown } from "../errors.ts";
import { azureLogTakes, loadAzureLog } from "../store/azure/sdk-log.ts";
import type { AnySignal } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import type { LeaseObserver, Renewal } from "./lease-observer.ts";
import { type Metrics, metrics } from "./metrics.ts";
import { type Attributes, isRegistered } from "./open-telemetry.ts";

/** What OpenTelemetry is given of a mutex. */
export interface TelemetryOptions {
  /**
   * How spans name a key: as it is, by the first 16 hexadecimal digits of its SHA-256, or not at all; only with
   * `"plain"` do they quote messages. Metrics never name it. Default: `"plain"`.
   */
  key?: "plain" | "hash" | "none" | undefined;
}

const HASH_DIGITS = 16;

/**
 * What happens to the locks of one mutex, for OpenTelemetry and the SDK's log. The protocol tells it, and never learns
 * what comes of that: nothing here throws, waits, or sends anything.
 */
export class Telemetry implements LeaseObserver {
  readonly clock: Clock;
  /** Undefined if OpenTelemetry is given nothing. */
  readonly #naming: TelemetryOptions["key"];

  /** Throws `TypeError` for options that are none. */
  constructor(options: TelemetryOptions | false = {}, clock: Clock) {
    if (typeof options !== "object" ? options !== false : options === null) {
      throw new TypeError(`telemetry must be false or an object of options, not ${shown(options)}`);
    }
    const { key = "plain" } = options || {};
    if (key !== "plain" && key !== "hash" && key !== "none") {
      throw new TypeError(`telemetry.key must be "plain", "hash" or "none", not ${shown(key)}`);
    }
    this.clock = clock;
    this.#naming = options ? key : undefined;
    if (process.env.AZURE_LOG_LEVEL) void loadAzureLog();
  }

  /** Whether a tracer, a meter or the log takes anything. */
  get isObserved(): boolean {
    return (this.#naming && (isRegistered("trace") || isRegistered("metrics"))) || azureLogTakes("info");
  }

  get metrics(): Metrics | undefined {
    return this.#naming && metrics();
  }

  /** Whether spans are made. */
  get traces(): boolean {
    return this.#naming !== undefined && isRegistered("trace");
  }

  /** A request was sent, unless its signal had aborted before. Its outcome is counted when it comes. */
  sent(operation: string, answer: Promise<unknown>, signal: AnySignal | undefined): void {
    const { metrics: meters } = this;
    if (!meters || signal?.aborted) return;
    const name = { "azmutex.operation": operation };
    const count = (outcome: string, type?: Attributes): void =>
      meters.measure("azmutex.storage.requests", 1, { ...name, "azmutex.outcome": outcome, ...type });
    answer.then(
      (value) => count(answerKind(value)),
      (error) => {
        if (signal?.aborted && error === signal.reason) return count("aborted");
        const type = { "error.type": errorType(error) };
        count("failed", type);
        meters.measure("azmutex.lease.try.failures", 1, { ...name, ...type });
      },
    );
  }

  /** @inheritDoc */
  onRenewal(renewal: Renewal): void {
    if (renewal.kind === "failed") return;
    const { metrics: meters } = this;
    const outcome = { "azmutex.outcome": renewal.kind };
    meters?.measure("azmutex.lease.renewal.duration", renewal.tookMs / 1_000, outcome);
    meters?.measure("azmutex.lease.renewal.remaining", renewal.msLeft / 1_000, outcome);
  }

  /** A task hands its lock to the next one of this process. To be called back when that one has it. */
  handsOver(): (() => void) | undefined {
    const { metrics: meters, clock } = this;
    const since = meters && clock.now();
    return since === undefined ? undefined : () => this.gap(clock.now() - since, "task");
  }

  /** A lock was free for so long, in milliseconds, after a task of this process, or another process, had it. */
  gap(ms: number, from: "task" | "process"): void {
    this.metrics?.measure("azmutex.lock.handover.gap", ms / 1_000, { "azmutex.from": from });
  }

  /** What a span says of its key, or keys. */
  keyAttributes(key: string | readonly string[]): Attributes {
    if (this.#naming === "none") return {};
    const isPlain = this.#naming === "plain";
    const named = [key]
      .flat()
      .map((one) => (isPlain ? one : createHash("sha256").update(one).digest("hex").slice(0, HASH_DIGITS)));
    const [one, several] = isPlain ? ["azmutex.key", "azmutex.keys"] : ["azmutex.key_hash", "azmutex.key_hashes"];
    return typeof key === "string" ? { [one]: named[0] } : { [several]: named };
  }

  /** What a span's status says. Messages name the key, and those of foreign errors may contain anything. */
  failureOf(error: unknown): string {
    return this.#naming === "plain" && isMutexError(error) ? error.message : errorType(error);
  }
}

/** The code of an error of azmutex, or the name of a foreign error. */
export function errorType(error: unknown): string {
  if (isMutexError(error)) return error.code;
  return error instanceof Error ? error.name : "_OTHER";
}

/** The answers of a store tell what kind they are; that of a listing is all there is to it. */
function answerKind(value: unknown): string {
  const { kind } = (value ?? {}) as { kind?: unknown };
  return typeof kind === "string" ? kind : "done";
}
