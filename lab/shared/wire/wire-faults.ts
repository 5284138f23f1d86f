import type { Protocol, WireOperation } from "./protocol.ts";

/** Which requests a fault is about, besides their operation. */
export interface WireScope {
  /** How many go well before. Default: 0. */
  after?: number;
  /** How many are struck then. Default: all, until `heal()`. */
  times?: number;
  /** Asked of each request that would be struck. Default: yes. */
  when?: () => boolean;
  /** Answers that a fault of answers lets pass, and that do not count for it. Default: none. */
  spares?: (answer: Buffer) => boolean;
}

/** Ends one fault and leaves the others. Connections that hang by it are cut. */
export interface EndOfFault {
  (): void;
  /** Resolves when it happens for the first time. */
  readonly struck: Promise<void>;
}

export type WireOperations = WireOperation | readonly WireOperation[] | "all";

/** For so many milliseconds, or until something has happened. */
export type WireDelay = number | Promise<unknown>;

type Forward = () => Promise<Buffer | undefined>;

/** What happens to a request; `undefined` for an answer means that the connection is cut. */
type Trouble = (forward: Forward, fault: WireFault, request: Buffer) => Promise<Buffer | undefined>;

interface WireFault {
  readonly operations: WireOperations;
  readonly trouble: Trouble;
  readonly scope: WireScope;
  /** What cuts each connection that hangs by it. */
  readonly stuck: Set<() => void>;
  readonly strike: () => void;
  after: number;
  times: number;
}

/** What may happen to requests and answers on their way, and to the network. */
export abstract class WireFaults {
  protected readonly protocol: Protocol;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #unstruck = new Set<WireFault>();
  #faults: WireFault[] = [];
  #latencyMs = 0;

  protected constructor(protocol: Protocol) {
    this.protocol = protocol;
  }

  /** The network fails: connections end, and there is no server to connect to. */
  abstract cut(): void;

  /** Whether each fault there was has happened, once at least. */
  get hasStruck(): boolean {
    return this.#unstruck.size === 0;
  }

  /** Every request takes `ms` milliseconds more to arrive, until it is set anew. */
  latency(ms: number): void {
    this.#latencyMs = ms;
  }

  /** The request arrives so much later, even if its client has gone by then. */
  delay(operations: WireOperations, by: WireDelay, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async (forward) => {
      await this.#pause(by);
      return forward();
    });
  }

  /** The request arrives at once, and its answer so much later. */
  delayAnswer(operations: WireOperations, by: WireDelay, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, async (answer) => {
      await this.#pause(by);
      return answer;
    });
  }

  /** The request never arrives, and the connection stays open until `heal()` or `close()` cuts it. */
  hang(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, (_, fault) => this.#never(fault));
  }

  /** The request arrives, and the connection stays open without an answer until `heal()` or `close()` cuts it. */
  hangAfter(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, (_, fault) => this.#never(fault));
  }

  /** The connection is cut before the request arrives. */
  reset(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async () => undefined);
  }

  /** The connection is cut once the request was carried out: the answer is lost. */
  dropAnswer(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, async () => undefined);
  }

  /** The request arrives, is answered, and arrives once more so much later. The second answer is not sent on. */
  duplicate(operations: WireOperations, after: WireDelay, scope?: WireScope): EndOfFault {
    return this.#after(operations, scope, async (answer, _, forward) => {
      void this.#pause(after)
        .then(forward)
        .catch(() => {});
      return answer;
    });
  }

  /** The service's "not now" instead of the request: a 503 ServerBusy, with `Retry-After` if it is given. */
  serverBusy(
    operations: WireOperations,
    { retryAfterSeconds, ...scope }: WireScope & { retryAfterSeconds?: number } = {},
  ): EndOfFault {
    return this.#before(operations, scope, async (_, __, request) => this.protocol.busy(request, retryAfterSeconds));
  }

  /** A page of a gateway's own instead of the request: nothing in it shows to be the service's. */
  gateway(operations: WireOperations, status: number, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async (_, __, request) => this.protocol.gateway(request, status));
  }

  /** With the request, the network fails as by {@link cut}. */
  cutBy(operations: WireOperations, scope?: WireScope): EndOfFault {
    return this.#before(operations, scope, async () => {
      this.cut();
      return undefined;
    });
  }

  /** Ends all faults and the latency. Connections that hang are cut. */
  heal(): void {
    this.#latencyMs = 0;
    for (const fault of this.#faults) this.#end(fault);
  }

  /** Lets happen what is to happen to this request, which `forward` sends on. */
  protected async through(request: Buffer, operation: WireOperation, forward: Forward): Promise<Buffer | undefined> {
    let next = forward;
    for (const fault of this.#struckBy(operation).reverse()) {
      const inner = next;
      next = () => fault.trouble(inner, fault, request);
    }
    if (this.#latencyMs > 0) await this.#pause(this.#latencyMs);
    return next();
  }

  /** What is late arrives no more. */
  protected stopWaiting(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #before(operations: WireOperations, scope: WireScope | undefined, trouble: Trouble): EndOfFault {
    return this.#add(operations, scope, (forward, fault, request) => {
      fault.strike();
      return trouble(forward, fault, request);
    });
  }

  #after(
    operations: WireOperations,
    scope: WireScope | undefined,
    trouble: (answer: Buffer | undefined, fault: WireFault, forward: Forward) => Promise<Buffer | undefined>,
  ): EndOfFault {
    return this.#add(operations, scope, async (forward, fault) => {
      const answer = await forward();
      if (answer && fault.scope.spares?.(answer)) {
        fault.times += 1;
        return answer;
      }
      fault.strike();
      return trouble(answer, fault, forward);
    });
  }

  #add(operations: WireOperations, scope: WireScope = {}, trouble: Trouble): EndOfFault {
    const { after = 0, times = Infinity } = scope;
    let strike = (): void => {};
    const struck = new Promise<void>((resolve) => {
      strike = () => {
        this.#unstruck.delete(fault);
        resolve();
      };
    });
    const fault: WireFault = { operations, trouble, scope, stuck: new Set(), strike, after, times };
    this.#faults.push(fault);
    this.#unstruck.add(fault);
    return Object.assign(() => this.#end(fault), { struck });
  }

  #end(fault: WireFault): void {
    this.#faults = this.#faults.filter((other) => other !== fault);
    for (const free of fault.stuck) free();
    fault.stuck.clear();
  }

  /** The faults that concern the next request of this kind, which counts for them. */
  #struckBy(operation: WireOperation): WireFault[] {
    return this.#faults.filter((fault) => {
      if (fault.operations !== "all" && ![fault.operations].flat().includes(operation)) return false;
      if (fault.after > 0) {
        fault.after -= 1;
        return false;
      }
      if (fault.times <= 0 || fault.scope.when?.() === false) return false;
      fault.times -= 1;
      return true;
    });
  }

  async #pause(by: WireDelay): Promise<void> {
    if (typeof by !== "number") return void (await by);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, by);
      this.#timers.add(timer);
    });
  }

  /** Until the fault ends; not at all if it has ended meanwhile. */
  async #never(fault: WireFault): Promise<undefined> {
    if (!this.#faults.includes(fault)) return undefined;
    return new Promise((resolve) => fault.stuck.add(() => resolve(undefined)));
  }
}
