import type { Kernel } from "./kernel.ts";

/** Something that happened, for people. */
export interface Line {
  /** True time. */
  readonly at: number;
  readonly who: string;
  readonly what: string;
}

/** What happened in a run, in order. Kept only where it is going to be read. */
export class Journal {
  readonly isKept: boolean;
  readonly lines: Line[] = [];
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, isKept: boolean) {
    this.#kernel = kernel;
    this.isKept = isKept;
  }

  /** Most runs are never read: what is written is put into words only if it is kept. */
  note(who: string, what: () => string): void {
    if (this.isKept) this.lines.push({ at: this.#kernel.now, who, what: what() });
  }
}

/** The first characters of an id are enough to tell it from the others of a run. */
export function short(id: string | undefined): string {
  return id === undefined ? "none" : id.slice(0, 4);
}
