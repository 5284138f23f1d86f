/** What a process of ours is started for. */
export type OurJob =
  | { readonly kind: "race"; readonly key: string; readonly race: OurRace }
  /** Locks, says so, and holds until it is killed. */
  | { readonly kind: "hold"; readonly key: string; readonly leaseSeconds: number };

export interface OurRace {
  readonly worker: string;
  readonly folder: string;
  readonly increments: number;
  readonly fair: boolean;
  /** At most, between two increments, and between reading the number and writing it. */
  readonly restMs: number;
  readonly workMs: number;
}

/** What it says. `ready` to race, and waits for the word to start. */
export type OurReport = { readonly kind: "ready" | "holding" | "finished" };
