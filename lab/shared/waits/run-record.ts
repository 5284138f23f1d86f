/** A process that waits for the lock since it called `lock()`. Times are milliseconds from the start of the run. */
export interface Wait {
  /** Counted from 0. */
  readonly process: number;
  readonly askedAt: number;
}

/** A wait that came to a hold. */
export interface Hold extends Wait {
  /** When `lock()` resolved. */
  readonly from: number;
  /**
   * When the release, or the change to the next one's lease id, took effect in the store: before its answer is back.
   */
  readonly freedAt: number | undefined;
}

/** What happened in a run. */
export interface RunRecord {
  readonly processes: number;
  readonly endedAt: number;
  /** In the order in which `lock()` resolved. */
  readonly holds: readonly Hold[];
  /** Who still waited at the end. */
  readonly waiting: readonly Wait[];
  /** Sent to the store by all processes, whatever for. */
  readonly requests: number;
}
