import type { Entry } from "./journal.ts";

/** One stay in the critical section. */
export interface Hold {
  worker: string;
  /** When the worker asked for the lock. */
  askedAt: number;
  from: number;
  /** When it left; for one killed inside, when it was killed; `undefined` for one that never came out. */
  to: number | undefined;
  token: number | undefined;
  /** The number it read; `undefined` if it did not come to write it back plus one. */
  read: number | undefined;
  /** Whether it was killed inside. */
  killed: boolean;
  /** Whether another worker was inside when it entered. */
  intruded: boolean;
}

/** The kill, as the parent saw it. */
export interface Kill {
  worker: string;
  at: number;
}

/** Reads the journal: every hold, in the order of entering. Being inside ends by leaving, or by being killed. */
export function holdsOf(entries: readonly Entry[], kill?: Kill): Hold[] {
  const holds: Hold[] = [];
  const inside = new Map<string, Hold>();
  for (const entry of entries) {
    if (entry.kind === "leave") {
      const hold = inside.get(entry.worker);
      if (hold) Object.assign(hold, { to: entry.at, read: entry.read });
      inside.delete(entry.worker);
      continue;
    }
    const others = [...inside.values()].filter((other) => !(other.worker === kill?.worker && entry.at > kill.at));
    const hold: Hold = {
      worker: entry.worker,
      askedAt: entry.askedAt,
      from: entry.at,
      to: undefined,
      token: entry.token,
      read: undefined,
      killed: false,
      intruded: others.length > 0,
    };
    holds.push(hold);
    inside.set(entry.worker, hold);
  }
  const lastOfTheKilled = kill && inside.get(kill.worker);
  if (lastOfTheKilled) Object.assign(lastOfTheKilled, { to: kill.at, killed: true });
  return holds;
}

/** How often the lock went from one process to another. */
export function handOversIn(holds: readonly Hold[]): number {
  return holds.filter((hold, i) => i > 0 && hold.worker !== holds[i - 1]?.worker).length;
}

/** The first hold that spoils the row of ever higher fencing tokens, if one does. */
export function firstWithoutHigherToken(holds: readonly Hold[]): Hold | undefined {
  return holds.find(({ token }, i) => token === undefined || token <= (holds[i - 1]?.token ?? 0));
}

/** The first hold after the kill. */
export function takeoverAfter(kill: Kill, holds: readonly Hold[]): Hold | undefined {
  return holds.find((hold) => hold.from > kill.at);
}
