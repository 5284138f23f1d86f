import { describe } from "vitest";
import { describeBadInput } from "./bad-input.ts";
import { describeBoundedRuns, describeBounds } from "./bounds.ts";
import { describeCancellation } from "./cancellation.ts";
import { describeHeld } from "./held.ts";
import { describeLoss } from "./loss.ts";
import { describeLostAnswers } from "./lost-answers.ts";
import { describeNested } from "./nested.ts";
import { describeProcessEnd } from "./process-end.ts";
import { describeRuns } from "./runs.ts";
import { type HoldingSubject, Scene } from "./scene.ts";
import { describeSleep } from "./sleep.ts";
import { describeTimeouts } from "./time-outs.ts";
import { describeTries } from "./tries.ts";
import { describeTrouble } from "./trouble.ts";

/**
 * The contract of whatever is held until it is given back or lost, a lock or anything made of locks: the same cases for
 * all. Nothing in it knows which requests a subject sends; it is each of them in turn that goes wrong.
 */
export function describeHolding(name: string, subject: HoldingSubject): void {
  const { tryTake, run } = new Scene(subject).here.holdable;
  describe(name, () => {
    describeHeld(subject);
    describeLoss(subject);
    describeSleep(subject);
    describeProcessEnd(subject);
    describeLostAnswers(subject);
    describeCancellation(subject);
    describeTimeouts(subject);
    describeBounds(subject);
    if (tryTake) describeTries(subject);
    if (run) describeRuns(subject);
    if (run) describeBoundedRuns(subject);
    if (run) describeNested(subject);
    describeTrouble(subject);
    describeBadInput(subject);
  });
}
