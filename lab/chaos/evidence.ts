import type { Hold } from "./holds.ts";
import type { RegisterRequest } from "./journal.ts";
import type { Trouble } from "./plan.ts";
import type { Touch } from "./register.ts";

/** A trouble that came about, by true time. */
export interface Struck extends Pick<Trouble, "kind"> {
  readonly from: number;
  readonly to: number;
  /** The worker it befell; `undefined` for all. */
  readonly victim: string | undefined;
  /** Whether it hit what it was meant to hit: a worker may not come to write before the trouble is over. */
  readonly hasHit: boolean;
}

/** A stretch without trouble, in which everybody had to get in. */
export interface Calm {
  readonly from: number;
  readonly to: number;
}

/** The storage was killed, and came back without any lease. */
export interface StorageLoss {
  /** Just before the signal was sent. */
  readonly at: number;
  /** When it was certain to answer nothing more. */
  readonly goneAt: number;
  /** Whether it came back as it was some seconds before, and not empty. */
  readonly isRewound: boolean;
}

/**
 * Everything that a run left behind, and all that the checker looks at. Times are milliseconds of the machine's clock.
 */
export interface Evidence {
  readonly seed: number;
  readonly leaseMs: number;
  readonly endedAt: number;
  readonly workers: readonly string[];
  readonly actors: readonly { readonly name: string; readonly worker: string; readonly key: string }[];
  readonly holds: readonly Hold[];
  readonly refusals: readonly {
    readonly actor: string;
    readonly at: number;
    readonly code: string;
    readonly message: string;
  }[];
  /** What was sent to the registers, as the senders saw it; `answer` is undefined if none was read. */
  readonly requests: readonly RegisterRequest[];
  /** What came to the registers, in that order. */
  readonly touches: readonly Touch[];
  /** What the fenced register of each key says at the end. */
  readonly fencedNumbers: Readonly<Record<string, number>>;
  readonly troubles: readonly Struck[];
  /** How many troubles of each kind were planned. */
  readonly planned: readonly Pick<Trouble, "kind">[];
  readonly storageLosses: readonly StorageLoss[];
  readonly calms: readonly Calm[];
  /** Processes that ended otherwise than planned. */
  readonly crashes: readonly string[];
  /** By how much the machine's wall clock, which the storage counts leases by, was set during the run. */
  readonly wallClockStepMs: number;
}
