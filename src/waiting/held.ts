import type { LockLostError, LossReason } from "../errors.ts";
import type { HeldOnLeases } from "../lease/held-on-leases.ts";
import type { LeaseObserver } from "../telemetry/lease-observer.ts";
import type { LockEvents } from "../telemetry/lock-events.ts";

export type HandedTo = LockEvents["handedOver"]["to"];

/** What a task holds until it ends it or loses it: a lease, a part of one, or several. */
export interface Held extends Pick<HeldOnLeases, "isHeld" | "isUncertain" | "remainingMs" | "lostBecause" | "ended"> {
  /** Aborts when it is lost; its reason is a `LockLostError`. */
  readonly signal: AbortSignal;
  /** The fencing token. Default: none. */
  readonly token?: number | undefined;
  /** Which waiter the lock was handed to at the end. Default: none, the lease was released. */
  readonly handedTo?: HandedTo | undefined;
  /** From here on the observer is told of its lease's renewals. Default: none is. */
  observedBy?(observer: LeaseObserver): void;
  /**
   * It is lost from now on, though the service has its leases: they are not renewed any more, and are released when
   * the holder is done, or lapse. Does nothing if it is lost already, or has ended.
   */
  lose(why: LossReason, how: string): void;
  /** Its leases are renewed no more, and lapse as their deadlines say. */
  letLapse(): void;
  /**
   * Ends it. Resolves with the error if it was lost before that; rejects if the service could not be told. Called
   * again, it answers the same.
   */
  end(): Promise<LockLostError | undefined>;
}

/**
 * Ends something held whose end no caller waits for, or changes nothing about the work. A failure goes to the log.
 * Resolves with the error if it was lost before. Never rejects.
 */
export async function endQuietly(
  held: Pick<Held, "end">,
  log: (message: string) => void,
  what: string,
): Promise<LockLostError | undefined> {
  try {
    return await held.end();
  } catch (error) {
    log(`${what} could not be released and lapses by itself: ${String(error)}`);
    return undefined;
  }
}
