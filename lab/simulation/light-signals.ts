// Node's signals cost more than a quarter of a run. These do what the library asks of one, in the same order, and
// refuse whatever else is asked.

interface Listener {
  readonly callback: (event: AbortEvent) => void;
  readonly isOnce: boolean;
  isRemoved: boolean;
  next: Listener | undefined;
}

interface AbortEvent {
  readonly type: "abort";
  readonly target: LightSignal;
}

/** Aborts a signal. Only its controller may. */
let abort: (signal: LightSignal, reason: unknown) => void;
/** The callbacks that listen to a signal. */
let listenersOf: (signal: LightSignal) => Listener["callback"][];

/**
 * An `AbortSignal` with what the library uses of one. It has no `timeout` or `onabort`, and `any` takes one signal:
 * code that asks for more fails.
 */
class LightSignal {
  #isAborted = false;
  #reason: unknown;
  #first: Listener | undefined;
  readonly #dependent: LightSignal[] = [];

  static {
    abort = (signal, reason) => signal.#abort(reason);
    listenersOf = (signal) => signal.#callbacks;
  }

  /** A signal that aborts as the other one does. */
  static any([source, ...others]: readonly LightSignal[]): LightSignal {
    if (!source || others.length > 0) throw new TypeError("light signals follow one other signal");
    const dependent = new LightSignal();
    if (source.aborted) dependent.#abort(source.reason);
    else source.#dependent.push(dependent);
    return dependent;
  }

  get aborted(): boolean {
    return this.#isAborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#isAborted) throw this.#reason;
  }

  addEventListener(type: string, callback: (event: AbortEvent) => void, options: { once?: boolean } = {}): void {
    check(type, callback, options);
    const added: Listener = { callback, isOnce: options.once ?? false, isRemoved: false, next: undefined };
    let last: Listener | undefined;
    for (let listener = this.#first; listener; listener = listener.next) {
      if (listener.callback === callback) return;
      last = listener;
    }
    if (last) last.next = added;
    else this.#first = added;
  }

  removeEventListener(type: string, callback: (event: AbortEvent) => void, options: Record<string, never> = {}): void {
    check(type, callback, options);
    let before: Listener | undefined;
    for (let listener = this.#first; listener; listener = listener.next) {
      if (listener.callback === callback) {
        this.#remove(listener, before);
        return;
      }
      before = listener;
    }
  }

  #remove(listener: Listener, before: Listener | undefined): void {
    listener.isRemoved = true;
    if (before) before.next = listener.next;
    else this.#first = listener.next;
  }

  get #callbacks(): Listener["callback"][] {
    const callbacks: Listener["callback"][] = [];
    for (let listener = this.#first; listener; listener = listener.next) callbacks.push(listener.callback);
    return callbacks;
  }

  /** The signals that depend on this one come after its own listeners, as in Node 20. */
  #abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#call();
    for (const signal of this.#dependent) signal.#abort(reason);
  }

  /**
   * Calls the listeners in the order in which they came, as Node does: one that is added by the last of them comes too
   * late.
   */
  #call(): void {
    const event: AbortEvent = { type: "abort", target: this };
    let next: Listener | undefined;
    for (let listener = this.#first; listener; listener = next) {
      next = listener.next;
      if (listener.isRemoved) continue;
      if (listener.isOnce) this.removeEventListener("abort", listener.callback);
      try {
        listener.callback.call(this, event);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }
}

function check(type: string, callback: unknown, options: object): void {
  let isKnown = type === "abort" && typeof callback === "function";
  for (const option in options) isKnown &&= option === "once";
  if (!isKnown)
    throw new TypeError(
      `light signals know no such listener: ${type}, ${typeof callback}, ${Object.keys(options).join(", ")}`,
    );
}

/** An `AbortController` of light signals. */
class LightController {
  readonly signal = new LightSignal();

  abort(reason: unknown = new DOMException("This operation was aborted", "AbortError")): void {
    abort(this.signal, reason);
  }
}

/**
 * From now on, and until the returned function is called, `new AbortController()` makes light ones, and Node lists the
 * listeners of these.
 */
export function useLightSignals(): () => void {
  const { AbortController, AbortSignal } = globalThis;
  const events = process.getBuiltinModule("node:events");
  const { getEventListeners } = events;
  Object.assign(globalThis, { AbortController: LightController, AbortSignal: LightSignal });
  Object.assign(events, { getEventListeners: (signal: LightSignal) => listenersOf(signal) });
  return () => {
    Object.assign(globalThis, { AbortController, AbortSignal });
    Object.assign(events, { getEventListeners });
  };
}
