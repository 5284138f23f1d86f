import { uptime } from "node:os";

/**
 * Milliseconds since the machine started, suspend included: the same for all its processes, so that one can tell
 * another until when something is good. (macOS counts its uptime in whole seconds and by the wall clock; its monotonic
 * clock counts suspend.)
 */
export function machineMs(): number {
  return process.platform === "darwin" ? Number(process.hrtime.bigint() / 1_000n) / 1_000 : uptime() * 1_000;
}

/** Milliseconds since 1970: for what people read, never for measuring. */
export function wallMs(): number {
  return Date.now();
}

/** Calls back every so often, until the returned function is called. Does not keep the process alive. */
export function every(ms: number, callback: () => void): () => void {
  const handle = setInterval(callback, ms).unref();
  return () => clearInterval(handle);
}

/** Calls back later, unless the returned function is called before. Does not keep the process alive. */
export function later(ms: number, callback: () => void): () => void {
  const handle = setTimeout(callback, Math.max(0, ms)).unref();
  return () => clearTimeout(handle);
}

/** Waits, or resolves as soon as the signal aborts. Keeps the process alive. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(handle);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const handle = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Waits, and nothing else happens meanwhile. */
export function pauseSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
