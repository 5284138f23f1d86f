import { helpersOf } from "../../blobs/helper-folder.ts";
import { kindIn, withKind } from "../../blobs/key-kind.ts";
import { fitting } from "../../blobs/lock-record.ts";
import { SLOTS, slotIn, slotMetadata, slotName } from "../../blobs/permit-slot.ts";
import { DifferingPermitsError, type KeyKind } from "../../errors.ts";
import { claimKey } from "../../lease/claim-key.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { retry, TRIES, type Tries } from "../../lease/retry.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import type { LockSpace } from "../../locks/lock-space.ts";
import { isLeased, type Metadata, type StoredBlob } from "../../store/lease-store.ts";
import { sleep } from "../../time/clock.ts";
import { endQuietly } from "../../waiting/held.ts";
import { confirmHeld, type Hold } from "../../waiting/hold.ts";
import type { ResolvedLockerOptions } from "../../waiting/locker-options.ts";
import type { LocalSlots } from "./local-slots.ts";

export const SEMAPHORE_KIND: KeyKind = "semaphore";
/** How long to wait for the first slot to be made, in milliseconds. */
const FIRST_SLOT_MS = 50;
/** After this many slots that a listing shows as free and that are taken, it is listed again. */
const TRIES_PER_LOOK = 3;
/** After this many listings that show free slots, none of which can be taken, there is no permit. */
const MOST_SLOT_LOOKS = 5;

/** A slot whose lease is held. */
export interface HeldSlot {
  readonly slot: number;
  readonly hold: Hold;
}

export interface SlotsOptions {
  readonly space: LockSpace;
  readonly key: string;
  readonly permits: number;
  readonly options: ResolvedLockerOptions;
  /** What this process knows of the semaphore. Asked anew each time, since an idle key may be forgotten. */
  readonly local: () => LocalSlots;
}

/** The slots of a semaphore: a small blob for each permit, whose lease is the permit. */
export class Slots {
  readonly #space: LockSpace;
  readonly #permits: number;
  readonly #options: ResolvedLockerOptions;
  readonly #local: () => LocalSlots;
  /** The blob of the key itself. */
  readonly #keyBlob: LockBlob;
  /** The folder of all helper blobs of the key. */
  readonly #folder: string;
  readonly #metadata: Metadata;

  constructor({ space, key, permits, options, local }: SlotsOptions) {
    this.#space = space;
    this.#permits = permits;
    this.#metadata = slotMetadata(key, permits);
    this.#options = {
      ...options,
      description: fitting(options.description, this.#metadata),
      fair: false,
      handOverMs: 0,
    };
    this.#local = local;
    this.#keyBlob = space.blob({ key }, options.terms);
    this.#folder = helpersOf(key);
  }

  /** How many are free. One request. Throws as {@link Slots.takeAny} does. */
  async countFree(signal: AbortSignal | undefined): Promise<number> {
    const slots = await this.#list({ signal, tries: TRIES });
    return this.#permits - [...slots.values()].filter(({ leaseState }) => isLeased(leaseState)).length;
  }

  /**
   * Takes any slot that is free and not left to other processes. Undefined if a look shows none. Throws
   * `DifferingPermitsError` if another user states another number of permits.
   */
  async takeAny(call: Tries, isLeft: (slot: number) => boolean = () => false): Promise<HeldSlot | undefined> {
    for (let looks = 1; ; looks += 1) {
      const slots = await this.#list(call);
      await this.#claim(slots, call);
      // Slot 0 states the number for all: before it is there, no other is made.
      const isFirst = !slots.has(0);
      const free = isFirst ? [0] : this.#freeOf(slots).filter((slot) => !isLeft(slot));
      if (free.length === 0) return undefined;
      for (const slot of free.slice(0, TRIES_PER_LOOK)) {
        const held = await this.take(slot, call);
        if (held && (!isFirst || (await this.#isConfirmed(held, call.signal)))) return held;
      }
      // Slots that listings show as free, and that cannot be taken, are held.
      if (looks >= MOST_SLOT_LOOKS && !(isFirst && this.#isBusy(0))) return undefined;
      // Another task of this process is just making the first slot.
      if (isFirst) await sleep(this.#keyBlob.clock, FIRST_SLOT_MS, { signal: call.signal });
    }
  }

  /** Takes this slot, if it is free. */
  async take(slot: number, { signal, tries }: Tries): Promise<HeldSlot | undefined> {
    const kind = this.#local().isClaimed ? SEMAPHORE_KIND : undefined;
    const options = { ...this.#options, description: { ...this.#options.description, kind } };
    const { key } = this.#keyBlob;
    const of = { key, name: this.#nameOf(slot), metadata: withKind(this.#metadata, kind), toldOf: this.#folder };
    const hold = await new LeaseAcquirer(this.#space, of, options).tryAcquire(signal, undefined, tries);
    return hold && { slot, hold };
  }

  /**
   * Has the key's blob say that it is a semaphore, before any slot is made, so that a lock of that name is refused.
   * Slots made since say so too, and spare other processes the request. Throws `KeyKindMismatchError`.
   */
  async #claim(slots: ReadonlyMap<number, StoredBlob>, call: Tries): Promise<void> {
    const blob = this.#keyBlob;
    const { signal } = call;
    const ask = () => claimKey(blob, SEMAPHORE_KIND, { signal, mayRead: this.#options.fencing });
    const isSaid = () => [...slots.values()].some(({ metadata }) => kindIn(metadata) === SEMAPHORE_KIND);
    await this.#local().claim(async () => isSaid() || (await retry(blob, ask, call)));
  }

  /**
   * Throws if another user has written another number: two may have made the first slot at once, and only one of them
   * has written its number into it. False if the permit was lost meanwhile. Gives it back in both cases.
   */
  async #isConfirmed({ hold }: HeldSlot, signal: AbortSignal | undefined): Promise<boolean> {
    let isConfirmed = false;
    try {
      await this.#list({ signal, tries: TRIES });
      isConfirmed = await confirmHeld(hold, signal);
    } finally {
      if (!isConfirmed) void endQuietly(hold, this.#keyBlob.log, `a permit of "${hold.key}"`);
    }
    return isConfirmed;
  }

  /**
   * The slots that are not leased, those that were never used included, from a random one on, so that not all try the
   * same.
   */
  #freeOf(slots: ReadonlyMap<number, StoredBlob>): readonly number[] {
    const start = Math.floor(this.#keyBlob.random() * this.#permits);
    return Array.from({ length: this.#permits }, (_, index) => (start + index) % this.#permits).filter((slot) => {
      const found = slots.get(slot);
      return (!found || !isLeased(found.leaseState)) && !this.#isBusy(slot);
    });
  }

  /** Whether a task of this process has the slot, or takes or gives it back at this moment. */
  #isBusy(slot: number): boolean {
    return this.#space.isBusy(this.#nameOf(slot));
  }

  /** The slots there are. Throws `DifferingPermitsError` if they belong to another number of permits. */
  async #list(call: Tries): Promise<ReadonlyMap<number, StoredBlob>> {
    const blob = this.#keyBlob;
    const slots = new Map<number, StoredBlob>();
    for (const found of await retry(blob, () => blob.list(SLOTS, { signal: call.signal }), call)) {
      const said = slotIn(found);
      if (said?.permits === undefined) continue;
      if (said.permits !== this.#permits) throw new DifferingPermitsError(blob.key, this.#permits, said.permits);
      slots.set(said.slot, found);
    }
    return slots;
  }

  #nameOf(slot: number): string {
    return slotName(this.#folder, slot);
  }
}
