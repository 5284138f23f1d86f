import type {
  AcquireAnswer,
  BreakAnswer,
  BreakCall,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  LeaseStore,
  ListCall,
  Metadata,
  ReadAnswer,
  ReadCall,
  ReleaseAnswer,
  RemoveAnswer,
  RemoveCall,
  RenewAnswer,
  StoreCall,
  StoredBlob,
  WriteAnswer,
  WriteCall,
} from "../store/lease-store.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import {
  Fault,
  type FaultEffect,
  type FaultScope,
  type Operations,
  type Send,
  type StoreOperation,
  struckBy,
} from "./fault.ts";
import {
  answerLate,
  answerLost,
  answerStuck,
  appliedLate,
  type Failure,
  notApplied,
  requestLate,
  requestStuck,
} from "./fault-effects.ts";

/** A call that reached the store, faults or not. */
export interface CallRecord {
  /** What was asked for. */
  readonly operation: StoreOperation;
  /** The name of the blob; undefined for the container. */
  readonly key: string | undefined;
  /** When it was made, by `clock.now()`. */
  readonly at: number;
}

/**
 * A `LeaseStore` that another one stands behind, and that goes wrong when told to.
 *
 * @example
 * ```ts
 * const clock = new FakeClock();
 * const store = new FaultyLeaseStore(new MemoryLeaseStore({ clock }), { clock });
 * store.hang("renew");                          // no renewal is answered any more
 * store.failAfter("acquire", { times: 1 });     // the next acquire is done, and its answer lost
 * store.delay("all", 300);                      // everything takes 300 ms
 * store.heal();                                 // all is well again
 * ```
 *
 * Faults that concern the same call add up, the oldest outermost.
 */
export class FaultyLeaseStore implements LeaseStore {
  readonly #store: LeaseStore;
  readonly #clock: Clock;
  readonly #calls: CallRecord[] = [];
  #faults: Fault[] = [];

  /** The clock runs delays; it defaults to the machine's. */
  constructor(store: LeaseStore, { clock = systemClock }: { clock?: Clock } = {}) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Every call so far, in order, those that were made to fail included. */
  get calls(): readonly CallRecord[] {
    return this.#calls;
  }

  /** How many calls there were, of one operation or of all. */
  count(operation?: StoreOperation): number {
    return operation === undefined
      ? this.#calls.length
      : this.#calls.filter((call) => call.operation === operation).length;
  }

  /** Starts {@link calls} and {@link count} anew. */
  forgetCalls(): void {
    this.#calls.length = 0;
  }

  /**
   * The request takes `ms` milliseconds to arrive. A call aborted before that is never applied; see {@link applyLate}.
   */
  delay(operations: Operations, ms: number, scope?: FaultScope): Fault {
    return this.#add(operations, scope, () => requestLate(this.#clock, ms));
  }

  /** The request arrives at once and is applied, and its answer takes `ms` milliseconds. */
  delayAnswer(operations: Operations, ms: number, scope?: FaultScope): Fault {
    return this.#add(operations, scope, () => answerLate(this.#clock, ms));
  }

  /**
   * The request does not arrive until the fault is healed. Until then the call ends only if its signal aborts, and is
   * not applied.
   */
  hang(operations: Operations, scope?: FaultScope): Fault {
    return this.#add(operations, scope, requestStuck);
  }

  /** The request is applied at once, and no answer comes until the fault is healed or the call's signal aborts. */
  hangAfter(operations: Operations, scope?: FaultScope): Fault {
    return this.#add(operations, scope, answerStuck);
  }

  /**
   * The request is stuck on its way and is applied `ms` milliseconds later, even if the caller has long given up by
   * then.
   */
  applyLate(operations: Operations, ms: number, scope?: FaultScope): Fault {
    return this.#add(operations, scope, () => appliedLate(this.#clock, ms));
  }

  /** The call fails and is not applied. */
  failBefore(operations: Operations, failure: Failure = {}): Fault {
    return this.#add(operations, failure, () => notApplied(failure));
  }

  /** The call is applied, and fails all the same: its answer is lost. */
  failAfter(operations: Operations, failure: Failure = {}): Fault {
    return this.#add(operations, failure, () => answerLost(failure));
  }

  /** Ends all faults. Calls that hang are sent on, or answered. What {@link applyLate} has under way still arrives. */
  heal(): void {
    const faults = this.#faults;
    this.#faults = [];
    for (const fault of faults) fault.heal();
  }

  /** See {@link LeaseStore.prepare}. */
  prepare(): Promise<void> | undefined {
    return this.#store.prepare?.();
  }

  /** See {@link LeaseStore.acquire}. */
  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    return this.#pass("acquire", key, call, (passed) => this.#store.acquire(key, leaseId, length, passed));
  }

  /** See {@link LeaseStore.renew}. */
  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#pass("renew", key, call, (passed) => this.#store.renew(key, leaseId, passed));
  }

  /** See {@link LeaseStore.release}. */
  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#pass("release", key, call, (passed) => this.#store.release(key, leaseId, passed));
  }

  /** See {@link LeaseStore.change}. */
  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#pass("change", key, call, (passed) => this.#store.change(key, leaseId, newLeaseId, passed));
  }

  /** See {@link LeaseStore.break}. */
  break(key: string, { signal, ...how }: BreakCall = {}): Promise<BreakAnswer> {
    return this.#pass("break", key, { signal }, (passed) => this.#store.break(key, { ...how, ...passed }));
  }

  /** See {@link LeaseStore.createContainer}. */
  createContainer(call?: StoreCall): Promise<void> {
    return this.#pass("createContainer", undefined, call, (passed) => this.#store.createContainer(passed));
  }

  /** See {@link LeaseStore.create}. */
  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    return this.#pass("create", key, call, (passed) => this.#store.create(key, metadata, passed));
  }

  /** See {@link LeaseStore.read}. */
  read(key: string, { signal, ...how }: ReadCall = {}): Promise<ReadAnswer> {
    return this.#pass("read", key, { signal }, (passed) => this.#store.read(key, { ...how, ...passed }));
  }

  /** See {@link LeaseStore.writeMetadata}. */
  writeMetadata(key: string, metadata: Metadata, { signal, ...on }: WriteCall): Promise<WriteAnswer> {
    const write: Send<WriteAnswer> = (passed) => this.#store.writeMetadata(key, metadata, { ...on, ...passed });
    return this.#pass("writeMetadata", key, { signal }, write);
  }

  /** See {@link LeaseStore.remove}. */
  remove(key: string, { signal, ...how }: RemoveCall = {}): Promise<RemoveAnswer> {
    return this.#pass("remove", key, { signal }, (passed) => this.#store.remove(key, { ...how, ...passed }));
  }

  /** One call, however long the listing is; it is answered as a whole. */
  async *list(prefix: string, call?: ListCall): AsyncGenerator<StoredBlob, void, undefined> {
    yield* await this.#pass("list", undefined, call, async (passed) => {
      const blobs: StoredBlob[] = [];
      for await (const blob of this.#store.list(prefix, { ...call, ...passed })) blobs.push(blob);
      return blobs;
    });
  }

  #add(operations: Operations, scope: FaultScope = {}, effect: (healed: AbortSignal) => FaultEffect): Fault {
    const fault = new Fault(operations, scope, effect);
    this.#faults.push(fault);
    return fault;
  }

  async #pass<T>(operation: StoreOperation, key: string | undefined, call: StoreCall = {}, send: Send<T>): Promise<T> {
    this.#calls.push({ operation, key, at: this.#clock.now() });
    call.signal?.throwIfAborted();
    return this.#faults.reduceRight<Send<T>>((inner, fault) => struckBy(fault, operation, key, inner), send)(call);
  }
}
