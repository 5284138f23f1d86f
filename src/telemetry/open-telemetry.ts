import type * as Api from "@opentelemetry/api";
import { requirePackage } from "../packages.ts";

export type OpenTelemetry = typeof Api;

/** Where every 1.x of the API keeps what was registered, so that all its copies in a process share it. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

type Registered = { readonly [REGISTERED]?: { readonly trace?: object; readonly metrics?: object } };

let loaded: OpenTelemetry | undefined;
let isAsked = false;
let version: string | undefined;

/**
 * The API, if somebody has registered a tracer or a meter provider in this process. Until then it is not even loaded, and this is
 * the look at one property that telemetry costs whoever has none.
 */
export function openTelemetry(signal: "trace" | "metrics"): OpenTelemetry | undefined {
  if (!isRegistered(signal)) return undefined;
  if (!isAsked) load();
  return loaded;
}

export function isRegistered(signal: "trace" | "metrics"): boolean {
  return (globalThis as Registered)[REGISTERED]?.[signal] !== undefined;
}

/** What spans and metrics say that they are from. */
export function scope(): [name: string, version: string | undefined] {
  return ["azmutex", version];
}

function load(): void {
  isAsked = true;
  try {
    // At once: the program that registered an SDK has it in memory, and the span of this very call is not to be missed.
    loaded = requirePackage<OpenTelemetry>("@opentelemetry/api");
    // Without file descriptors it would be taken for missing; the next call tries again.
    isAsked = loaded !== undefined;
    version = requirePackage<{ version: string }>("azmutex/package.json")?.version;
  } catch {
    // Joined into one file with the program that uses it, azmutex has nothing to require from; the API is in that file too.
    if (!loaded) void import("@opentelemetry/api").then((api) => (loaded = api)).catch(() => undefined);
  }
}
