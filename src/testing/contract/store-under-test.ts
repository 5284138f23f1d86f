import type { LeaseState, LeaseStore, Metadata, StoredBlob } from "../../store/lease-store.ts";

/** A store for one test of the contract, in front of a container that does not exist yet. */
export interface StoreUnderTest {
  /** The store, whose container does not exist yet. */
  readonly store: LeaseStore;
  /** Lets `ms` milliseconds pass for the service. */
  advance(ms: number): Promise<void>;
  /** What foreign programs do to the container, past the store. */
  readonly foreign: ForeignHand;
}

/**
 * A program that knows nothing of the purpose of leases. Each call says whether the service did it, or refused because
 * of a lease.
 */
export interface ForeignHand {
  /** A Put Blob without `If-None-Match`: replaces content and metadata. */
  putBlob(key: string, options?: { metadata?: Metadata; leaseId?: string }): Promise<boolean>;
  /** Deletes a blob, under a lease if one is named. */
  deleteBlob(key: string, options?: { leaseId?: string }): Promise<boolean>;
  /** Deletes the container and all that is in it. */
  deleteContainer(): Promise<void>;
}

/** The three ids of the contract: the holder's, another's, and one that never held anything. */
export const A = "aaaaaaaa-1111-4111-8111-111111111111";
export const B = "bbbbbbbb-2222-4222-8222-222222222222";
export const C = "cccccccc-3333-4333-8333-333333333333";

/** The key that most of the contract is about. */
export const KEY = "key";

/**
 * Creates the container and the blob {@link KEY}, and brings its lease into the state, as {@link A}'s. Leases are of 60
 * seconds.
 */
export async function bringInto(state: LeaseState, { store, advance }: StoreUnderTest): Promise<void> {
  await store.createContainer();
  await store.create(KEY, {});
  if (state === "available") return;
  await store.acquire(KEY, A, 60);
  if (state === "leased") return;
  if (state === "expired") return advance(60_000);
  await store.break(KEY, { periodSeconds: 30 });
  if (state === "broken") await advance(30_000);
}

/** The blob, which has to be there. */
export async function readBlob({ store }: StoreUnderTest, key: string = KEY): Promise<StoredBlob> {
  const answer = await store.read(key);
  if (answer.kind !== "found") throw new Error(`no blob "${key}": the ${answer.what} is missing`);
  return answer.blob;
}

/** What one can say about the lease of a blob: its state, or what is missing. */
export async function leaseOf({ store }: StoreUnderTest, key: string = KEY): Promise<LeaseState | "missing"> {
  const answer = await store.read(key);
  return answer.kind === "found" ? answer.blob.leaseState : "missing";
}

/** An answer in a word or two: `acquired`, `refused (taken)`. */
export function inWords(
  answer: { readonly kind: string; readonly why?: string; readonly what?: string } | boolean,
): string {
  if (typeof answer === "boolean") return answer ? "done" : "refused";
  const detail = answer.why ?? answer.what;
  return detail === undefined ? answer.kind : `${answer.kind} (${detail})`;
}
