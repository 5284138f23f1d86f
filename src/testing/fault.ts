import type { LeaseStore, StoreCall } from "../store/lease-store.ts";

/** What a `LeaseStore` can be asked. */
export type StoreOperation = Exclude<keyof LeaseStore, "address" | "prepare" | "releaseRequest">;

/** Which operations a fault is about. */
export type Operations = StoreOperation | readonly StoreOperation[] | "all";

/** Which of those calls a fault is about. */
export interface FaultScope {
  /** Only calls about this key. Default: any. Listings and containers have none. */
  key?: string | undefined;
  /** How many such calls go well before the fault begins. Default: 0. */
  after?: number | undefined;
  /** How many calls fail then. Default: all, until the fault is healed. */
  times?: number | undefined;
}

/** A call on its way to the store. It can be sent on more than once, or never. */
export type Send<T> = (call: StoreCall) => Promise<T>;

/** What a fault does with a call. */
export type FaultEffect = <T>(
  call: StoreCall,
  send: Send<T>,
  request: { readonly operation: StoreOperation; readonly key?: string },
) => Promise<T>;

/** A call as the fault lets it through. */
export let struckBy: <T>(fault: Fault, operation: StoreOperation, key: string | undefined, send: Send<T>) => Send<T>;

/** A fault of a store, until it is healed. */
export class Fault {
  readonly #operations: Operations;
  readonly #key: string | undefined;
  readonly #effect: FaultEffect;
  #pass: number;
  #left: number;
  #hits = 0;
  readonly #healed: AbortController = new AbortController();

  /** @internal */
  constructor(
    operations: Operations,
    { key, after = 0, times = Infinity }: FaultScope,
    effect: (healed: AbortSignal) => FaultEffect,
  ) {
    this.#operations = operations;
    this.#key = key;
    this.#pass = after;
    this.#left = times;
    this.#effect = effect(this.#healed.signal);
  }

  /** How many calls it has struck so far. */
  get hits(): number {
    return this.#hits;
  }

  /** Ends it. Calls that hang because of it are sent on. */
  heal(): void {
    this.#left = 0;
    this.#healed.abort();
  }

  static {
    struckBy = (fault, operation, key, send) => fault.#strike(operation, key, send);
  }

  #strike<T>(operation: StoreOperation, key: string | undefined, send: Send<T>): Send<T> {
    if (!this.#isAbout(operation, key)) return send;
    if (this.#pass > 0) {
      this.#pass -= 1;
      return send;
    }
    if (this.#left <= 0) return send;
    this.#left -= 1;
    this.#hits += 1;
    return (call) => this.#effect(call, send, { operation, ...(key !== undefined && { key }) });
  }

  #isAbout(operation: StoreOperation, key: string | undefined): boolean {
    if (this.#key !== undefined && this.#key !== key) return false;
    const operations = this.#operations;
    return typeof operations === "string"
      ? operations === "all" || operations === operation
      : operations.includes(operation);
  }
}
