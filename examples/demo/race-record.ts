import type { Hold, Kill } from "../../lab/shared/race/holds.ts";
import type { Requests } from "./requests.ts";

/** What became of the worker that was killed. */
export interface Crash extends Kill {
  /** Whether it was between its read and its write: it had entered, and the number had not moved when it was dead. */
  inside: boolean;
  /** Whether its last increment is in the file although it did not live to say so. */
  written: boolean;
  /** Who finished its share. */
  replacement: string;
}

/** Everything a run leaves behind for the verdict and the picture. */
export interface RaceRecord {
  locked: boolean;
  workers: readonly { name: string; replaces: string | undefined }[];
  startedAt: number;
  endedAt: number;
  holds: readonly Hold[];
  /** What the file says in the end. */
  counted: number;
  crash: Crash | undefined;
  requests: Requests;
  /** Why the run was cut short, if it was. */
  trouble: string | undefined;
}

/** Increments that are known to have been finished. */
export function finishedIn(run: RaceRecord): number {
  return run.holds.filter((hold) => hold.read !== undefined).length + (run.crash?.written ? 1 : 0);
}
