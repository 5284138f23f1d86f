/** What brought a try for a lock that was waited for. */
export interface Wake {
  /** A message that says that the lock is free, or the pace of the waiter's polls. */
  readonly by: "message" | "poll";
  /** When the lock was released, by the clock of this process. Default: the waiter does not know. */
  readonly releasedAt?: number | undefined;
}

/** No message came. */
export const WOKEN_BY_POLL: Wake = Object.freeze({ by: "poll" });
