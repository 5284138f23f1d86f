/** What azmutex and the SDK need of a runtime, and runtimes that are too old lack. */
const NEEDED: Readonly<Record<string, () => unknown>> = {
  crypto: () => globalThis.crypto,
  "Symbol.asyncDispose": () => Symbol.asyncDispose,
};

/**
 * Throws an `Error` that names what this runtime lacks. Unchecked, the SDK fails at each request, which counts as an
 * outage: the caller would wait for ever.
 */
export function requireRuntime(): void {
  const lacking = Object.keys(NEEDED).filter((name) => NEEDED[name]?.() === undefined);
  if (lacking.length === 0) return;
  throw new Error(
    `azmutex needs Node.js 20.19 or newer, Bun or Deno: Node.js ${process.version} has no ${lacking.join(", ")}`,
  );
}
