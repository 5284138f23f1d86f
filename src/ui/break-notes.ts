import type { Holder } from "../index.ts";
import type { BreakingView, Part } from "./snapshot.ts";

/** A break that this server made. */
export interface BreakNote {
  readonly key: string;
  readonly part: Part;
  /** Of a reader: the name by which it was broken. */
  readonly reader?: string;
  readonly at: number;
  readonly freeBy: number;
  readonly by: string;
}

/** The breaks that this server made, until a look has shown each: the service does not say who broke a lease. */
export class BreakNotes {
  #notes: BreakNote[] = [];

  add(note: BreakNote): void {
    this.#notes.push(note);
  }

  /**
   * The latest break of this part, once: a later break of the same part is another process's. One break
   * ends several readers of a name.
   */
  take(key: string, part: Part, holder: Holder | undefined): BreakingView | undefined {
    const note = this.#notes.findLast((one) => one.key === key && isOf(one, part, holder));
    if (!note) return undefined;
    if (part.kind !== "reader") this.#notes = this.#notes.filter((one) => one !== note);
    return { freeBy: note.freeBy, by: note.by };
  }

  /** Forgets the breaks that a look has had the time to show. */
  forgetBefore(at: number | undefined): void {
    if (at !== undefined) this.#notes = this.#notes.filter((note) => note.at >= at);
  }
}

function isOf({ part, reader }: BreakNote, other: Part, holder: Holder | undefined): boolean {
  if (part.kind !== other.kind) return false;
  if (part.kind === "reader") return holder?.name === reader;
  return part.kind !== "permit" || other.kind !== "permit" || part.slot === other.slot;
}
