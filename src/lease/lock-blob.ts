import type { Sources } from "../clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Closing } from "./closing.ts";
import type { LeaseStore, Metadata } from "./lease-store.ts";
import type { RenewalTurns } from "./renewal-turns.ts";
import type { StandingLease } from "./standing-lease.ts";

/** The blob that is the lock, and what it takes to deal with it. */
export interface LockBlob extends Sources {
  readonly store: LeaseStore;
  /** What people know the lock by. */
  readonly key: string;
  /** The blob's name: the key itself, but for the helper blobs of recipes and queues. */
  readonly name: string;
  /** What the blob bears from its creation on, besides a record. Default: nothing. */
  readonly metadata?: Metadata | undefined;
  /** How many requests are under way, of this blob or another of the mutex, those that nobody waits for any more included. */
  readonly requests: { underWay: number };
  /** The leases that this process has of the mutex's blobs, or may have. Those that are renewed and released by hand are not among them. */
  readonly standing: Set<StandingLease>;
  /** Whether the mutex grants locks. */
  readonly closing: Closing;
  /** Whether the credentials were refused the last deletion of a helper blob. Those stay then, and are not swept. */
  readonly removals: { areDenied: boolean };
  /** In which the renewals of the mutex are sent. */
  readonly renewals: RenewalTurns;
  /** Takes a line for people. Never throws, and is never given a secret. */
  readonly log: (message: string) => void;
  /** Is told what happens, for whoever wants to measure it. Never throws. */
  readonly telemetry: Telemetry;
}
