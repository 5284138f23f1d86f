import type { Holder, LockStatus } from "../index.ts";

/** The header with the token of the page. The page of another site cannot send it. */
export const TOKEN_HEADER = "x-azmutex-token";

/**
 * An answer to the page: everything, or what is new since a version. Times are milliseconds since 1970, by the clock of
 * the machine that serves the page unless they say otherwise.
 */
export interface Snapshot {
  /** The run of the server. Versions and ids of another run mean nothing. */
  readonly run: string;
  /** The version to ask for news after. */
  readonly version: number;
  /** Whether it is everything, and not only what is new. */
  readonly isWhole: boolean;
  /** The time now. */
  readonly at: number;
  readonly startedAt: number;
  /** When the service last showed all locks. Left out if it never did. */
  readonly lookedAt?: number;
  /** How long to wait before asking again, of a page that is not hidden. */
  readonly askAgainInMs: number;
  /** The account's name, or its host where it has none. Left out where the store does not say. */
  readonly account?: string;
  readonly container: string;
  /** Left out unless the last look found no container. */
  readonly isContainerMissing?: true;
  /** Whether locks can be broken from the page. */
  readonly mayBreak: boolean;
  /** Left out while the service answers. */
  readonly problem?: ServiceProblem;
  /** Left out unless all locks went at once. It stays until a look shows a lock again. */
  readonly vanished?: Vanished;
  readonly locks: readonly LockView[];
  /** Keys that are not listed any more. */
  readonly gone: readonly string[];
  readonly holds: readonly HoldView[];
  /** Holds that ended before this are forgotten. */
  readonly forgottenBefore: number;
  readonly losses: readonly Loss[];
  /** When there was no look for longer than a hidden page waits: beginning and end of each. */
  readonly gaps: readonly (readonly [number, number])[];
}

/** Why the last look failed: nothing in the answer is newer than the look before. */
export interface ServiceProblem {
  readonly kind: "denied" | "unreachable" | "refused" | "defect";
  readonly message: string;
  readonly since: number;
  /** When the service is asked again. */
  readonly againAt: number;
}

/**
 * The state of a lock as the page shows it. `inUse`: the lock itself is free, but permits or read locks are held.
 * `expired` and `broken`: it is free, and its last holder did not release it.
 */
export type LockState = "held" | "breaking" | "inUse" | "free" | "expired" | "broken";

export interface LockView {
  readonly key: string;
  readonly state: LockState;
  /** The state of the lease, as the service names it. */
  readonly lease: LockStatus["state"];
  readonly infinite: boolean;
  /** What the key is used as, as its blob says. */
  readonly kind?: string;
  /** A sentence part: the key is used in ways that do not go together. Left out otherwise. */
  readonly mixedUse?: string;
  /** The present holder. Left out where it left no record. */
  readonly holder?: Holder;
  /** The last holder with a record, where the lock is free or its holder left none. */
  readonly lastHolder?: Holder;
  /** What that holder held it for. */
  readonly purpose?: string;
  readonly leaseSeconds?: number;
  /** When the record was written, by the service's clock. */
  readonly recordedAt?: number;
  readonly since?: Since;
  readonly breaking?: BreakingView;
  readonly highestToken?: number;
  /** First come first. */
  readonly waiting: readonly WaiterView[];
  readonly semaphore?: {
    readonly permits: number;
    readonly held: readonly PermitView[];
    readonly waiting: readonly WaiterView[];
  };
  readonly readers: readonly ReaderView[];
  /** The last slot of a job that runs once for each. Left out if there is none. */
  readonly lastSlot?: {
    /** The slot, what came of it, and in which attempt. */
    readonly label: string;
    readonly by: string;
    /** When, by the service's clock. */
    readonly at: number;
  };
}

/** When a hold began, as a record or a look tells. */
export interface Since {
  /** It is certain from here on: the time in its record, or the first look that showed it. */
  readonly from: number;
  /**
   * When it began at the earliest: the look before, which did not show it. The same as `from` where its record says
   * when it began. Left out where there was no look before and no record.
   */
  readonly earliest?: number;
  /** Whether it began before the first look. Its process may have released and taken it again since its record. */
  readonly isFromBefore: boolean;
}

export interface WaiterView {
  /** Left out where the waiter leaves no name. */
  readonly holder?: Holder;
  /** By the service's clock. */
  readonly since?: number;
}

export interface PermitView {
  readonly slot: number;
  readonly breaking?: BreakingView;
  readonly holder?: Holder;
  readonly purpose?: string;
  readonly leaseSeconds?: number;
  readonly since?: Since;
}

export interface ReaderView {
  readonly breaking?: BreakingView;
  readonly holder: Holder;
  readonly since?: Since;
}

/** The part of a key that is held: the lock, a permit by its slot, or a read lock. */
export type Part =
  | { readonly kind: "lock" }
  | { readonly kind: "permit"; readonly slot: number }
  | { readonly kind: "reader" };

/**
 * How a hold ended. `unseen`: released or lost, no look shows which. Another holder had it at the next look, or it was
 * a permit or a read lock. `unlisted`: the key is not listed any more, because it is free and
 * no record is left, or because its blob was deleted.
 */
export type HoldOutcome = "released" | "expired" | "broken" | "deleted" | "unseen" | "unlisted";

/** One holder has the lock, a permit or a read lock, from one look to another. */
export interface HoldView extends Since {
  readonly id: number;
  readonly key: string;
  readonly part: Part;
  /** Left out where the holder left no record. */
  readonly holder?: Holder;
  readonly purpose?: string;
  /** The last look that showed it. From there to `to` nothing is known. Left out while it goes on. */
  readonly lastSeen?: number;
  /** When it had ended: the first look without it, or the record of the next holder. Left out while it goes on. */
  readonly to?: number;
  readonly end?: HoldOutcome;
  /** Who broke it, where this server did. */
  readonly brokenBy?: string;
}

/** A hold that ended without a release. */
export interface Loss {
  readonly id: number;
  readonly key: string;
  readonly part: Part;
  readonly holder?: Holder;
  readonly purpose?: string;
  /** The first look that showed it. */
  readonly at: number;
  /** The last look before the loss. Left out where there was none. */
  readonly after?: number;
  readonly why: "expired" | "broken" | "deleted";
  /** Who broke it, where this server did. */
  readonly brokenBy?: string;
}

/** A lease that was broken and has not ended yet. */
export interface BreakingView {
  /** When it has ended at the latest, by the clock of the server. */
  readonly freeBy: number;
  /** Who broke it, where this server did. */
  readonly by?: string;
}

/** All locks went at once, while some were held: their container, or every blob in it, was deleted. */
export interface Vanished {
  /** The first look that showed none. */
  readonly at: number;
  /** The last look that showed them. */
  readonly lastSeen: number;
  /** How many were held then. */
  readonly held: number;
}

/** A request of the page to break a part of a key. */
export interface PageBreakRequest {
  readonly key: string;
  /** The key as the user typed it, as it is or with its invisible characters escaped. */
  readonly typed: string;
  readonly part: Part;
  /** The holder to stop, if a record names it: no other is stopped. */
  readonly holder?: string;
  /** Whether the lock is free at once, while the holder may be at work. Otherwise when the lease would have ended. */
  readonly atOnce: boolean;
}
