import type { FencingTokens, ReservedBlock } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import type { Renewer } from "../lease/renewer.ts";
import type { HandOverBudget } from "./hand-over-budget.ts";

/** A lease that the tasks of this process hold, one after the other, while the service sees one holder. */
export interface ProcessLease {
  readonly blob: LockBlob;
  /** The tokens of the blob's key. */
  readonly tokens: FencingTokens;
  readonly renewer: Renewer;
  readonly budget: HandOverBudget;
  /** Resolves when the ticket that won it is certain to be gone. Default: there was none. */
  readonly ticketGone: Promise<void> | undefined;
  /** Called when the task to which it is handed over holds it. */
  readonly onTaken?: (() => void) | undefined;
  /**
   * Called as its release is sent; with `fair`, with the lease ids of those that come next, the first of which it is
   * handed to, perhaps with tokens. What it returns is called when that was answered, or went unanswered.
   */
  readonly onRelease?: TellRelease | undefined;
}

export type TellRelease = (next?: readonly string[], reserved?: ReservedBlock) => () => void;
