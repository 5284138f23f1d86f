import type { Sources } from "../clock.ts";
import type { LeaseStore } from "./lease-store.ts";

/** The blob that is the lock, and what it takes to deal with it. */
export interface LockBlob extends Sources {
  readonly store: LeaseStore;
  readonly key: string;
  /** Takes a line for people. Never throws, and is never given a secret. */
  readonly log: (message: string) => void;
}
