/** Milliseconds since a fixed moment, for measuring. */
export function elapsedMs(): number {
  return performance.now();
}

/** Starts a timer. Returns a function that stops it. */
export function startTimer(ms: number, callback: () => void): () => void {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
}

/** Starts an interval. Returns a function that stops it. */
export function startInterval(ms: number, callback: () => void): () => void {
  const handle = setInterval(callback, ms);
  return () => clearInterval(handle);
}

/** A signal that aborts after this time. */
export function within(ms: number): AbortSignal {
  return AbortSignal.timeout(ms);
}
