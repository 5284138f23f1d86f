/**
 * The callbacks of each signal. One listener per signal serves them all: Node warns of a leak at more than ten.
 */
const listenersOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once when the signal aborts, unless the returned function is called before. The signal must not have
 * aborted yet.
 */
export function onAbort(signal: AnySignal | undefined, callback: () => void): () => void {
  if (!signal) return () => undefined;
  const callbacks = signal instanceof LazySignal ? signal.callbacks : (listenersOf.get(signal) ?? listenTo(signal));
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  listenersOf.set(signal, callbacks);
  signal.addEventListener("abort", () => callOnce(callbacks), { once: true });
  return callbacks;
}

function callOnce(callbacks: Set<() => void>): void {
  for (const callback of callbacks) {
    callbacks.delete(callback);
    callback();
  }
}

/** Settles as the promise does, or rejects with the signal's own reason as soon as it aborts. */
export function unlessAborted<T>(promise: Promise<T>, signal: AnySignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const stopListening = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stopListening);
  });
}

/**
 * A signal of a process that has very many: an `AbortSignal`, which takes more than a kilobyte, is made when it is
 * asked for.
 */
export class LazySignal {
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #callbacks: Set<() => void> | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#aborted !== undefined;
  }

  get reason(): unknown {
    return this.#aborted?.reason;
  }

  /** For {@link onAbort}. */
  get callbacks(): Set<() => void> {
    this.#callbacks ??= new Set();
    return this.#callbacks;
  }

  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
    if (this.#callbacks) callOnce(this.#callbacks);
  }
}

/**
 * A signal that aborts as this one does, and that this one does not keep from the garbage collector. While it has
 * listeners, the runtime keeps it, as the DOM standard says.
 */
export function dependentSignal(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal]);
}

/** Takes the listeners from a dependent signal that will never abort. Node 20 keeps it for ever for them. */
export function endDependent(signal: AbortSignal | undefined): void {
  if (!signal) return;
  const { getEventListeners } = process.getBuiltinModule("node:events");
  for (const listener of getEventListeners(signal, "abort") as (() => void)[]) {
    signal.removeEventListener("abort", listener);
    signal.removeEventListener("abort", listener, true);
  }
}

/** A signal of the caller, or of azmutex. */
export type AnySignal = AbortSignal | LazySignal;

/**
 * One signal for several. `AbortSignal.any` leaks: each signal that outlives it keeps a reference.
 */
export class LinkedSignal {
  readonly #controller = new AbortController();
  readonly #stops: (() => void)[] = [];

  /** Aborts with the reason of whichever comes first, until {@link LinkedSignal.end}. */
  constructor(...signals: readonly AbortSignal[]) {
    for (const signal of signals) this.follow(signal);
  }

  /** One signal more. */
  follow(signal: AbortSignal): void {
    if (this.signal.aborted) return;
    if (signal.aborted) this.abort(signal.reason);
    else this.#stops.push(onAbort(signal, () => this.abort(signal.reason)));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops following the other signals. */
  abort(reason: unknown): void {
    this.end();
    this.#controller.abort(reason);
  }

  end(): void {
    for (const stop of this.#stops) stop();
    this.#stops.length = 0;
  }
}
