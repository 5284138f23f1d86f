import type { Slot } from "../../blobs/once-slot.ts";

/** What every event of a {@link Once} says. */
export interface OnceEvent {
  /** The name of the job. */
  readonly key: string;
  /** The slot that was asked for. */
  readonly slot: Slot;
}

/** What happens to slots that are asked for in this process. Times are in milliseconds. */
export interface OnceEvents {
  /**
   * The work begins. `latenessMs`: how long after the slot, by the service's clock, at least 0; undefined for a slot
   * that is no date.
   */
  started: OnceEvent & {
    readonly attempt: number;
    readonly fencingToken: number;
    readonly latenessMs: number | undefined;
  };
  /**
   * The work ended: it is recorded as done, it threw, or the lock was lost before either was recorded. With an `error`
   * unless it is done.
   */
  ended: OnceEvent & {
    readonly attempt: number;
    readonly fencingToken: number;
    readonly tookMs: number;
    readonly outcome: "done" | "failed" | "lost";
    readonly error?: unknown;
  };
  /** The work was not begun. */
  skipped: OnceEvent & { readonly outcome: "alreadyDone" | "passed" | "running" | "gaveUp" };
}

export const ONCE_EVENT_NAMES: readonly string[] = ["started", "ended", "skipped"] satisfies (keyof OnceEvents)[];
