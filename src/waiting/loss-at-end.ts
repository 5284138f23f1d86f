import { completeLoss, type LockLostError } from "../errors.ts";
import { lossBy } from "../lease/refusal.ts";
import type { HoldEnd } from "./hand-over.ts";
import type { HandedTo } from "./held.ts";

interface HoldEnding {
  readonly ending: Promise<HoldEnd>;
  /** The loss that the signal has aborted with. */
  readonly declared: LockLostError | undefined;
  /** The loss by the clock, as the hold began to end. */
  readonly overdue: LockLostError | undefined;
  /** Called once it is known where the lock went. */
  readonly handedOver: (to: HandedTo | undefined) => void;
}

/** Whether a hold was lost before its end. Rejects if the service could not be told, unless it was. */
export async function lossAtEnd(
  key: string,
  { ending, declared, overdue, handedOver }: HoldEnding,
): Promise<LockLostError | undefined> {
  try {
    const answer = await ending;
    handedOver(answer.handedTo);
    if (declared) return declared;
    // The release came after the deadline. An answer to it shows that no other holder was in between. An assumed
    // release shows nothing.
    if (answer.kind === "released") return "isAssumed" in answer ? overdue : undefined;
    const refused = lossBy(answer, key, "release");
    if (!overdue) return refused;
    return overdue.cause === undefined ? completeLoss(overdue, { cause: refused }) : overdue;
  } catch (error) {
    const lost = declared ?? overdue;
    if (lost) return lost;
    throw error;
  }
}
