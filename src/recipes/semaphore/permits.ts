import { helpersOf } from "../../blobs/helper-folder.ts";
import { gateName } from "../../blobs/permit-slot.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { OutageTimer } from "../../lease/outage-timer.ts";
import { TRIES } from "../../lease/retry.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import type { LockSpace } from "../../locks/lock-space.ts";
import type { Source } from "../../locks/lockable.ts";
import type { ObservedWait } from "../../telemetry/observer.ts";
import { unlessAborted } from "../../time/abort.ts";
import { settledWithin, sleep } from "../../time/clock.ts";
import { pollDelayMs, stayAwayMs } from "../../waiting/backoff.ts";
import { endQuietly } from "../../waiting/held.ts";
import type { Hold } from "../../waiting/hold.ts";
import type { ResolvedLockerOptions } from "../../waiting/locker-options.ts";
import { poll, type RestUntilWoken } from "../../waiting/polling.ts";
import { WaitLimit, waitFor } from "../../waiting/wait-limit.ts";
import type { WaitOptions } from "../../waiting/wait-options.ts";
import { woken } from "../../waiting/wake-ups/lazy-wake-ups.ts";
import type { WakeUpWait } from "../../waiting/wake-ups/wake-up-wait.ts";
import { LocalSlots } from "./local-slots.ts";
import { type HeldSlot, Slots } from "./slots.ts";

/** How many requests it takes to find a permit and to take it. */
const PERMIT_REQUESTS = 4;

/**
 * The way to a permit. The tasks of this process queue in memory; with `fair`, they and those of all processes queue
 * for the gate, whose holder looks for a slot.
 */
export class Permits implements Source<HeldSlot> {
  readonly #options: ResolvedLockerOptions;
  readonly #gate: LeaseAcquirer;
  readonly slots: Slots;

  constructor(space: LockSpace, key: string, permits: number, options: ResolvedLockerOptions) {
    this.#options = options;
    const name = gateName(helpersOf(key));
    this.#gate = new LeaseAcquirer(space, { key, name, toldOf: name }, { ...options, fencing: false });
    this.slots = new Slots({ space, key, permits, options, local: () => this.#local });
  }

  get blob(): LockBlob {
    return this.#gate.blob;
  }

  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<HeldSlot> {
    return waitFor(this.blob, options, this, wait);
  }

  async acquireWithin(limit: WaitLimit): Promise<HeldSlot> {
    const outage = new OutageTimer(this.blob.clock, this.#options.unreachableAfterMs);
    const look = (): Promise<HeldSlot> => this.#wait(limit, outage);
    if (!this.#options.fair) return await this.#gate.keyState.queue.atHead(limit.signal, outage, look);
    // The holder of the gate is first in the queue among all processes.
    const gate = await this.#gate.acquireWithin(limit);
    return await look().finally(() => this.#leave(gate));
  }

  async tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<HeldSlot | undefined> {
    const limit = new WaitLimit(this.blob, this.blob.key, { signal });
    try {
      limit.signal.throwIfAborted();
      wait?.polled();
      return await this.#tryOnce(limit.signal);
    } finally {
      limit.end();
    }
  }

  /** A task of this process has given the slot back. */
  returned(slot: number): void {
    const { clock, random } = this.blob;
    const { fair, handOverMs, poll } = this.#options;
    const local = this.#local;
    if (!this.#gate.keyState.queue.busy) local.forget();
    else if (fair || !local.hasHadItsShare(clock.now(), handOverMs)) local.put(slot);
    else local.leave(slot, clock.now() + stayAwayMs(poll, random));
  }

  #wait(limit: WaitLimit, outage: OutageTimer): Promise<HeldSlot> {
    const loading = this.#gate.wakeUpsOf(helpersOf(this.blob.key));
    return woken(loading, "several", (wakeUps) => this.#poll(limit, outage, wakeUps));
  }

  #poll(limit: WaitLimit, outage: OutageTimer, wakeUps: WakeUpWait | undefined): Promise<HeldSlot> {
    const { blob } = this;
    const { clock, random } = blob;
    const local = this.#local;
    const { signal } = limit;
    const call = { signal, tries: 1 };
    const rest = (ms: number): Promise<void> => local.rest((until) => sleep(clock, ms, { signal: until }), signal);
    const restUntilWoken: RestUntilWoken | undefined = wakeUps && {
      rest(usualMs, bounded) {
        const boundedHere = (ms: number): number => bounded(Math.min(ms, local.leftForMs(clock.now())));
        return local.rest((until) => wakeUps.rest(usualMs, boundedHere, until), signal);
      },
      get wake() {
        return wakeUps.wake;
      },
    };
    return poll({ blob, limit, outage, longer: PERMIT_REQUESTS, rest, wakeUps: restUntilWoken }, async () => {
      const slot = local.take();
      if (slot !== undefined) limit.wokenBy(undefined);
      // At the last poll it also takes a slot that it left to other processes.
      const isLeft = limit.isLastPoll ? undefined : (one: number) => local.isLeft(one, clock.now());
      const held =
        (slot !== undefined && (await this.slots.take(slot, call))) || (await this.slots.takeAny(call, isLeft));
      return held ?? Math.min(pollDelayMs(limit.waitedMs, random, this.#options.poll), local.leftForMs(clock.now()));
    });
  }

  async #tryOnce(signal: AbortSignal): Promise<HeldSlot | undefined> {
    const call = { signal, tries: TRIES };
    if (!this.#options.fair) return await this.slots.takeAny(call);
    // A task that tries again at once must not be refused because this process is still leaving the gate.
    await settledWithin(this.blob.clock, this.blob.requestTimeoutMs, unlessAborted(this.#local.gateLeft, signal));
    const gate = await this.#gate.tryAcquire(signal);
    return gate && (await this.slots.takeAny(call).finally(() => this.#leave(gate)));
  }

  /** In the background: no task waits for that. */
  #leave(gate: Hold): void {
    this.#local.leaveGate(endQuietly(gate, this.blob.log, `the gate of semaphore "${this.blob.key}"`));
  }

  get #local(): LocalSlots {
    return LocalSlots.of(this.#gate.keyState);
  }
}
