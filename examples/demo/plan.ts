/** What the demo sets out to do. */
export const PLAN = Object.freeze({
  workers: 5,
  /** Increments each worker makes. */
  share: 100,
  /** The shortest lease Azure grants: a dead holder is succeeded after this long at the latest, plus one poll. */
  leaseSeconds: 15,
  /** How long an increment takes between its read and its write: the window in which a second worker would spoil it. */
  workMs: { from: 2, to: 6 },
  /** How long a worker stays away between two increments, so that the lock changes hands. */
  restMs: { from: 20, to: 60 },
  /** The one increment, counted from 0, in whose middle a worker is killed. */
  fatalIncrement: 30,
  /**
   * How long that increment would take. It only has to be long enough for the kill to strike on any machine, however
   * busy.
   */
  fatalWorkMs: 60_000,
  /**
   * How far into it the kill strikes. Well before the first renewal, which is due after a sixth of the lease or more.
   */
  killAfterMs: 150,
  /** A run that takes longer is stuck, and says so. A distant account may take its time, and so may a busy machine. */
  limitMs: { emulator: 600_000, account: 900_000 },
});

export const PLANNED_INCREMENTS: number = PLAN.workers * PLAN.share;

/** A random moment of a span: no two workers keep step. */
export function between({ from, to }: { from: number; to: number }): number {
  return from + Math.random() * (to - from);
}
