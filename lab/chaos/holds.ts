import type { Entry } from "./journal.ts";

/** One stay under a lock, as far as it is certain. */
export interface Hold {
  readonly id: string;
  readonly worker: string;
  readonly actor: string;
  readonly key: string;
  readonly isShared: boolean;
  readonly token: number | undefined;
  readonly askedAt: number;
  /**
   * The stretch in which the holder certainly held it by its own word: `isHeld` was read as true just after both ends,
   * and once lost a lock is lost for ever. `undefined` if it never was.
   */
  readonly certain: { readonly from: number; readonly to: number } | undefined;
  /** `released`, or why it was lost; `undefined` of one whose process was killed inside. */
  readonly left: string | undefined;
}

/** The holds of one incarnation of a worker, from its journal. */
export function holdsOf(worker: string, entries: readonly Entry[]): Hold[] {
  const holds = new Map<string, Hold>();
  for (const entry of entries) {
    if (!("hold" in entry) || entry.kind === "asked") continue;
    const { hold: id, at } = entry;
    if (entry.kind === "entered") {
      const { actor, key, isShared, token, askedAt, isHeld } = entry;
      const certain = isHeld ? { from: at, to: at } : undefined;
      holds.set(id, { id, worker, actor, key, isShared, token, askedAt, certain, left: undefined });
      continue;
    }
    const hold = holds.get(id);
    if (!hold) throw new Error(`the journal of ${worker} has no beginning of ${id}`);
    if (entry.kind === "left") holds.set(id, { ...hold, left: entry.how });
    else holds.set(id, { ...hold, certain: { from: hold.certain?.from ?? at, to: at } });
  }
  return [...holds.values()];
}

export type CertainHold = Hold & { readonly certain: NonNullable<Hold["certain"]> };

/** Those that were certain at all, as they came. */
export function inOrder(holds: readonly Hold[]): CertainHold[] {
  return holds
    .filter((hold): hold is CertainHold => hold.certain !== undefined)
    .sort((a, b) => a.certain.from - b.certain.from);
}
