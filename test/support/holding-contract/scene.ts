import { expect } from "vitest";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import type { Fault, FaultScope, FaultyLeaseStore } from "../../../src/testing/index.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import type { WaitOptions } from "../../../src/waiting/wait-options.ts";
import { chance } from "../chaos.ts";
import { World } from "../world.ts";

/** Something that can be held, as one process uses it. */
export interface Holdable {
  take(options?: WaitOptions): Promise<Holding>;
  tryTake?(options?: Pick<WaitOptions, "signal">): Promise<Holding | undefined>;
  run?<T>(work: (holding: Holding) => Promise<T> | T, options?: WaitOptions): Promise<T>;
}

/** What the contract is about: how to come by it, and how to keep others from it. */
export interface HoldingSubject {
  /**
   * As one process sees it, with whatever of `tryTake` and `run` it has. Throws, or lets `take` reject, for what it
   * refuses.
   */
  open(mutex: AzureMutex, key: string, options?: LockerOptions): Holdable;
  /** Takes something, in another process, that keeps everybody from it. Default: the very same. */
  block?(mutex: AzureMutex, key: string): Promise<Holding>;
  /** Which key a time-out names. Default: the key that it was asked for by. */
  blocked?(key: string): string;
  /** Of how many leases it consists. Default: 1. */
  leases?: number;
  /** Whether the tasks of one process may hold it at the same time. Default: they may not. */
  isShared?: boolean;
}

export const KEY = "job";
export const LEASE_MS = 30_000;
export const GOOD_FOR_MS = 25_000;
export const RENEW_EVERY_MS = 10_000;
export const TRY_TIMEOUT_MS = 3_000;
export const LONGEST_RETRY_DELAY_MS = 1_000;
export const UNREACHABLE_AFTER_MS = 20_000;
/** Every request takes so long to arrive. */
export const LATENCY_MS = 5;
/** A poll and a few requests. */
export const SOON_MS = 1_000;
/** What lies between a request that is not answered and its repetition, and then a poll. */
export const AFTER_A_TRY_MS = TRY_TIMEOUT_MS + LONGEST_RETRY_DELAY_MS + SOON_MS;
/** So long after a blob was made, its first token needs no waiting. */
export const OLD_MS = 3_000;
/** More requests than any taking needs. */
export const MANY = 30;
/** By then whatever goes on in the background has come to its end. */
export const ALL_DONE_MS = 100_000;

export type Store = FaultyLeaseStore;

export interface Party {
  readonly store: Store;
  readonly latency: Fault;
  readonly mutex: AzureMutex;
  readonly holdable: Holdable;
}

export class Scene {
  readonly world = new World();
  readonly clock = this.world.clock;
  readonly here: Party;
  readonly there: Party;
  readonly #subject: HoldingSubject;
  readonly #random = chance(1);

  constructor(subject: HoldingSubject) {
    this.#subject = subject;
    this.here = this.party();
    this.there = this.party();
  }

  /** Another process. */
  party(): Party {
    const { store, mutex } = this.world.process({ newId: () => uuid(this.#random) });
    const latency = store.delay("all", LATENCY_MS);
    return { store, latency, mutex, holdable: this.#subject.open(mutex, KEY) };
  }

  async take(party = this.here, withinMs = SOON_MS): Promise<Holding> {
    return await this.world.until(party.holdable.take(), withinMs);
  }

  /** What a process of its own has taken, after which no other gets in. */
  async block(withinMs = SOON_MS): Promise<Holding> {
    const { mutex } = this.party();
    const { block = (by, key) => this.#subject.open(by, key).take() } = this.#subject;
    const blocking = await this.world.until(block(mutex, KEY), withinMs);
    await this.clock.advance(OLD_MS);
    return blocking;
  }

  /** It was held before, by another process, and it is a while ago. */
  async heldBefore(): Promise<void> {
    await this.world.until((await this.take(this.there)).release());
    await this.clock.advance(OLD_MS);
  }

  /** The blobs that are leased, by whomever, for whatever. */
  async leased(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { key, leaseState } of this.world.memory.list("")) if (leaseState === "leased") found.push(key);
    return found;
  }

  /** Expects nothing to be held, and everything that went on in the background to be over, soon after. */
  async expectNothingLeft(afterMs = SOON_MS): Promise<void> {
    await this.clock.advance(afterMs);
    expect(await this.leased()).toEqual([]);
    await this.clock.advance(ALL_DONE_MS);
    expect(this.clock.pendingTimers()).toBe(0);
  }

  /** Expects another process to get it within so many milliseconds, and then nothing to be left. */
  async expectFree(withinMs = SOON_MS): Promise<void> {
    const next = await this.take(this.there, withinMs);
    expect(next.isHeld).toBe(true);
    await this.world.until(next.release());
    await this.expectNothingLeft(withinMs);
  }
}

/** What was before may decide which requests it takes. */
export const HISTORIES: readonly (readonly [name: string, begin: (scene: Scene) => Promise<unknown>])[] = [
  ["what was never held before", async () => undefined],
  ["what another process held before", (scene) => scene.heldBefore()],
];

/** How an answer is lost: the service has done what it was asked, and the caller does not know. */
export const LOST_ANSWERS: readonly (readonly [name: string, lose: (store: Store, scope: FaultScope) => Fault])[] = [
  ["is lost at once", (store, scope) => store.failAfter("all", scope)],
  ["never comes", (store, scope) => store.hangAfter("all", scope)],
];

/**
 * Runs a case for the first request that the process sends, then in a new scene for the second, and so on, until one
 * says that it was not sent.
 */
export async function forEachRequest(
  subject: HoldingSubject,
  run: (scene: Scene, scope: { readonly after: number }) => Promise<"struck" | "spared">,
): Promise<void> {
  for (let after = 0; after < MANY; after += 1) {
    const scene = new Scene(subject);
    try {
      if ((await run(scene, { after })) === "spared") return expect(after).toBeGreaterThan(0);
    } catch (error) {
      const sent = scene.here.store.calls.map(({ operation }) => operation).slice(0, MANY);
      throw new Error(
        `request ${after + 1} of ${sent.join(", ")}: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  }
  expect.fail(`more than ${MANY} requests`);
}

/** An id as real ones are: in no order. */
export function uuid(random: () => number): string {
  const digits = (count: number): string =>
    Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join("");
  return `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`;
}

/** What becomes of a promise, for a test that does not want to wait for it. */
export class Outcome<T> {
  /** Resolves as soon as something came of it. */
  readonly settled: Promise<void>;
  #came: { readonly value: T } | { readonly error: unknown } | undefined;

  constructor(promise: Promise<T>) {
    this.settled = promise.then(
      (value) => {
        this.#came = { value };
      },
      (error: unknown) => {
        this.#came = { error };
      },
    );
  }

  get isOpen(): boolean {
    return this.#came === undefined;
  }

  get value(): T | undefined {
    return this.#came && "value" in this.#came ? this.#came.value : undefined;
  }

  get error(): unknown {
    return this.#came && "error" in this.#came ? this.#came.error : undefined;
  }
}

export type Ask = (holdable: Holdable, options: WaitOptions) => Promise<unknown>;

/** All the ways in which this can be asked for. */
export function waysToAsk(subject: HoldingSubject): readonly (readonly [name: string, ask: Ask])[] {
  const { tryTake, run } = new Scene(subject).here.holdable;
  const never = (): never => expect.fail("there is no such way");
  return [
    ["taking", (holdable, options) => holdable.take(options)],
    ...(tryTake
      ? [["trying", (holdable, options) => holdable.tryTake?.(options) ?? never()] satisfies [string, Ask]]
      : []),
    ...(run
      ? [
          ["running", (holdable, options) => holdable.run?.(async (held) => held, options) ?? never()] satisfies [
            string,
            Ask,
          ],
        ]
      : []),
  ];
}
