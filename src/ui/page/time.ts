/** Milliseconds since some moment, for measuring. */
export function elapsedMs(): number {
  return performance.now();
}

/** Calls back later, unless the returned function is called before. */
export function later(ms: number, callback: () => void): () => void {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
}

/** Calls back every so often, until the returned function is called. */
export function every(ms: number, callback: () => void): () => void {
  const handle = setInterval(callback, ms);
  return () => clearInterval(handle);
}

export function within(ms: number): AbortSignal {
  return AbortSignal.timeout(ms);
}
