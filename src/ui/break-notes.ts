import type { Holder } from "../index.ts";
import type { BreakingView, Part } from "./snapshot.ts";

/** A break that this server made. */
export interface BreakNote {
  readonly key: string;
  readonly part: Part;
  /** The name by which readers were broken. Left out for other parts. */
  readonly reader?: string;
  readonly at: number;
  readonly freeBy: number;
  readonly by: string;
}

/** The breaks that this server made, until a look has shown each. The service does not say who broke a lease. */
export class BreakNotes {
  #notes: BreakNote[] = [];

  add(note: BreakNote): void {
    this.#notes.push(note);
  }

  /**
   * The latest break of this part, which is then forgotten: a later break of it is another process's. A break of
   * readers is kept, since it ends all readers of a name.
   */
  take(key: string, part: Part, holder: Holder | undefined): BreakingView | undefined {
    const note = this.#notes.findLast((one) => one.key === key && isOf(one, part, holder));
    if (!note) return undefined;
    if (part.kind !== "reader") this.#notes = this.#notes.filter((one) => one !== note);
    return { freeBy: note.freeBy, by: note.by };
  }

  /** Forgets breaks before a time: a look since then has shown them. */
  forgetBefore(at: number | undefined): void {
    if (at !== undefined) this.#notes = this.#notes.filter((note) => note.at >= at);
  }
}

function isOf({ part, reader }: BreakNote, other: Part, holder: Holder | undefined): boolean {
  if (part.kind !== other.kind) return false;
  if (part.kind === "reader") return holder?.name === reader;
  return part.kind !== "permit" || other.kind !== "permit" || part.slot === other.slot;
}
