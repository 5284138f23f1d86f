import { firstWithoutHigherToken, type Hold, handOversIn, takeoverAfter } from "../../lab/shared/race/holds.ts";
import { PLAN, PLANNED_INCREMENTS } from "./plan.ts";
import { finishedIn, type RaceRecord } from "./race-record.ts";

/** One sentence of the verdict: something that held, something that did not, or something to know. */
export interface Finding {
  kind: "right" | "wrong" | "note";
  text: string;
}

const COMPARISON: Finding = { kind: "note", text: "The same work under the lock loses nothing: npm run demo" };

/** Judges a run, in plain words. The run is a success if nothing is wrong. */
export function judge(run: RaceRecord): Finding[] {
  const trouble: Finding[] = run.trouble ? [{ kind: "wrong", text: `The run was cut short: ${run.trouble}.` }] : [];
  if (run.holds.length === 0) return [...trouble, { kind: "wrong", text: "No worker got as far as an increment." }];
  const findings = [...trouble, ...count(run), exclusion(run)];
  return run.locked
    ? [...findings, tokens(run.holds), ...crash(run), requests(run)]
    : [...findings, ...evidence(run.holds), COMPARISON];
}

function count(run: RaceRecord): Finding[] {
  const finished = finishedIn(run);
  const unfinished = PLANNED_INCREMENTS - finished;
  const shares: Finding[] =
    unfinished === 0
      ? []
      : [{ kind: "wrong", text: `${unfinished} of ${PLANNED_INCREMENTS} increments were not made.` }];
  // An increment that was cut off may or may not have reached the file; only a run that ended by itself can be judged.
  if (run.trouble) return shares;
  const lost = finished - run.counted;
  if (lost === 0)
    return [
      ...shares,
      { kind: "right", text: `Nothing was lost: expected ${finished}, and the file says ${run.counted}.` },
    ];
  const how = lost > 0 ? `${increments(lost)} lost` : `${increments(-lost)} too many`;
  return [
    ...shares,
    { kind: "wrong", text: `The count is wrong: expected ${finished}, but the file says ${run.counted}: ${how}.` },
  ];
}

function exclusion({ holds }: RaceRecord): Finding {
  const intruded = holds.filter((hold) => hold.intruded).length;
  if (intruded > 0)
    return { kind: "wrong", text: `${intruded} of ${holds.length} times a worker entered while another was inside.` };
  const handOvers = handOversIn(holds);
  return {
    kind: "right",
    text: `One at a time: ${holds.length} holds, no two of them at once, ${handOvers} hand-overs between processes.`,
  };
}

function tokens(holds: readonly Hold[]): Finding {
  const offender = firstWithoutHigherToken(holds);
  if (!offender)
    return { kind: "right", text: `Every fencing token was higher than the last, ${holds.length} of ${holds.length}.` };
  const { worker, token } = offender;
  if (token === undefined) return { kind: "wrong", text: `${worker} held the lock without a fencing token.` };
  const before = holds[holds.indexOf(offender) - 1]?.token;
  return { kind: "wrong", text: `${worker}'s fencing token ${token} is not higher than ${before}, the one before.` };
}

function crash(run: RaceRecord): Finding[] {
  if (!run.crash) return run.trouble ? [] : [{ kind: "wrong", text: "No holder was killed, so no takeover was seen." }];
  const { worker, inside, written, replacement } = run.crash;
  if (!inside) {
    const where = written ? "after its write had reached the file" : "outside its critical section";
    return [{ kind: "wrong", text: `The kill came too late: ${worker} died ${where}, so no takeover was seen.` }];
  }
  const heir = takeoverAfter(run.crash, run.holds);
  if (!heir) return [{ kind: "wrong", text: `${worker} was killed inside, and no worker took over.` }];
  const complete = finishedIn(run) === PLANNED_INCREMENTS;
  const rest = complete ? `; ${replacement} did that increment and the rest of its share` : "";
  const seconds = ((heir.from - run.crash.at) / 1000).toFixed(1);
  return [
    {
      kind: "right",
      text: `${worker} was killed between its read and its write${rest}.`,
    },
    {
      kind: "right",
      text:
        `Takeover: ${heir.worker} held the lock ${seconds} s after the kill. ` +
        `Until the dead holder's ${PLAN.leaseSeconds} s lease runs out, a dead holder looks like a slow one.`,
    },
  ];
}

function requests(run: RaceRecord): Finding {
  const { sent, refused } = run.requests;
  const each = (sent / Math.max(1, finishedIn(run))).toFixed(1);
  return {
    kind: "note",
    text:
      `${sent.toLocaleString("en")} requests, ${each} per increment; ${refused.toLocaleString("en")} of them ` +
      "asked for the lock while another held it.",
  };
}

/** Two increments that read the same number: of the two, only one counts. */
function evidence(holds: readonly Hold[]): Finding[] {
  const readers = new Map<number, Hold>();
  for (const hold of holds) {
    if (hold.read === undefined) continue;
    const first = readers.get(hold.read);
    if (first && first.worker !== hold.worker) {
      const text =
        `For example, ${first.worker} and ${hold.worker} both read ${hold.read} ` + `and both wrote ${hold.read + 1}.`;
      return [{ kind: "note", text }];
    }
    readers.set(hold.read, hold);
  }
  return [];
}

function increments(count: number): string {
  return count === 1 ? "1 increment" : `${count} increments`;
}
