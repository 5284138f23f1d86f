import { type Outcome, type Plan, simulate } from "./simulation.ts";

/** So many runs are spent at most on finding out what matters. */
const MOST_RUNS = 400;

/**
 * Looks for the few faults without which a failing seed would not fail: takes away ever smaller parts of them, then
 * tasks and machines, for as long as the same rule is broken.
 */
export async function minimalOf(
  of: Pick<Plan, "seed" | "game">,
): Promise<{ readonly plan: Plan; readonly outcome: Outcome }> {
  let plan: Plan = of;
  let outcome = await simulate(plan);
  const rule = outcome.violation?.rule;
  let runs = 0;
  const tryOut = async (other: Plan): Promise<boolean> => {
    if (runs >= MOST_RUNS) return false;
    runs += 1;
    const tried = await simulate(other);
    if (tried.violation?.rule !== rule) return false;
    plan = other;
    outcome = tried;
    return true;
  };
  if (rule === undefined) return { plan, outcome: await simulate({ ...plan, isTold: true }) };

  for (let { machines } = outcome; machines > 1 && (await tryOut({ ...plan, machines: machines - 1 })); ) machines -= 1;
  for (let { tasks } = outcome; tasks > 1 && (await tryOut({ ...plan, tasks: tasks - 1 })); ) tasks -= 1;
  for (const kind of outcome.kinds)
    await tryOut({ ...plan, kinds: (plan.kinds ?? outcome.kinds).filter((other) => other !== kind) });
  for (let size = Math.ceil(outcome.faults / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let first = 1; first <= outcome.faults; first += size) {
      const muted = new Set(plan.muted);
      for (let number = first; number < first + size; number += 1) muted.add(number);
      await tryOut({ ...plan, muted });
    }
  }
  return { plan, outcome: await simulate({ ...plan, isTold: true }) };
}
