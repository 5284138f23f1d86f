import { type Hold, holdsOf } from "./holds.ts";
import { type Entry, type RegisterRequest, readJournal, requestsOf } from "./journal.ts";

/** What one worker noted through all its incarnations. */
export interface Noted {
  readonly holds: Hold[];
  readonly requests: RegisterRequest[];
  readonly refusals: Extract<Entry, { kind: "refused" }>[];
}

export function notedIn(worker: string, journals: readonly string[]): Noted {
  const entries = journals.map(readJournal);
  return {
    holds: entries.flatMap((ofOne) => holdsOf(worker, ofOne)),
    requests: entries.flatMap(requestsOf),
    refusals: entries.flat().filter((entry) => entry.kind === "refused"),
  };
}
