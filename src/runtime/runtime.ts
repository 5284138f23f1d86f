/** What azmutex and the SDK use of a runtime, and what those have not that are too old. */
const NEEDED: Readonly<Record<string, () => unknown>> = {
  crypto: () => globalThis.crypto,
  "Symbol.asyncDispose": () => Symbol.asyncDispose,
};

/**
 * Throws an `Error` that names what this runtime lacks. Without it the SDK would fail at each request, which counts as
 * an outage: a caller would wait instead of hearing of it.
 */
export function checkRuntime(): void {
  const lacking = Object.keys(NEEDED).filter((name) => NEEDED[name]?.() === undefined);
  if (lacking.length === 0) return;
  throw new Error(
    `azmutex needs Node.js 20.19 or newer, Bun or Deno: Node.js ${process.version} has no ${lacking.join(", ")}`,
  );
}
