import { PLAN, PLANNED_INCREMENTS } from "../../examples/demo/plan.ts";
import type { RaceRecord } from "../../examples/demo/race-record.ts";
import type { Hold } from "../../lab/shared/race/holds.ts";

const HOLD_MS = 10;
const VICTIM = "worker 2";
const HEIR = "worker 4";

/**
 * The record of a demo that went well: one worker after the other, `worker 2` killed in the 101st hold, one
 * replacement.
 */
export function goodRun(changes: Partial<RaceRecord> = {}): RaceRecord {
  const names = Array.from({ length: PLAN.workers }, (_, i) => `worker ${i + 1}`);
  const startedAt = 1_000_000;
  const holds: Hold[] = [];
  let at = startedAt;
  const hold = (worker: string, read: number | undefined): Hold => {
    const made = {
      worker,
      askedAt: at - HOLD_MS,
      from: at,
      to: at + HOLD_MS,
      token: 7_000 + holds.length,
      read,
      killed: read === undefined,
      intruded: false,
    };
    at += 2 * HOLD_MS;
    holds.push(made);
    return made;
  };
  for (let count = 0; count < 100; count++) hold(names[count % names.length] ?? "", count);
  const killedAt = hold(VICTIM, undefined).to ?? at;
  at = killedAt + PLAN.leaseSeconds * 1000 - HOLD_MS;
  for (let count = 100; count < PLANNED_INCREMENTS; count++) hold(count % 2 === 0 ? HEIR : "worker 6", count);
  return {
    locked: true,
    workers: [...names.map((name) => ({ name, replaces: undefined })), { name: "worker 6", replaces: VICTIM }],
    startedAt,
    endedAt: at,
    holds,
    counted: PLANNED_INCREMENTS,
    crash: { worker: VICTIM, at: killedAt, inside: true, written: false, replacement: "worker 6" },
    requests: { sent: 3_000, refused: 1_234 },
    trouble: undefined,
    ...changes,
  };
}

/** The same with one hold changed. */
export function runWithHold(index: number, change: Partial<Hold>): RaceRecord {
  const run = goodRun();
  return { ...run, holds: run.holds.map((hold, i) => (i === index ? { ...hold, ...change } : hold)) };
}
