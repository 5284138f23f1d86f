import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

export interface Asked {
  readonly key: string;
  readonly token: number;
  readonly op: "read" | "write";
  /** What the writer had read. */
  readonly base: number | undefined;
}

/** A request to the register as its sender saw it. */
export interface RegisterRequest extends Asked {
  readonly hold: string;
  readonly at: number;
  readonly answer: { readonly at: number; readonly version: number | null } | undefined;
}

/** A line of a worker's journal. Times are the machine's. */
export type Entry =
  | {
      readonly kind: "entered";
      readonly hold: string;
      readonly actor: string;
      readonly key: string;
      /** Readers: they may be many, and write nothing. */
      readonly isShared: boolean;
      readonly token: number | undefined;
      readonly askedAt: number;
      /** From just before `isHeld` was read. */
      readonly at: number;
      readonly isHeld: boolean;
    }
  /** `isHeld` said true, and was read just after `at`. */
  | { readonly kind: "held"; readonly hold: string; readonly at: number }
  | { readonly kind: "left"; readonly hold: string; readonly at: number; readonly how: string }
  /** A request to the register is sent. */
  | ({ readonly kind: "asked"; readonly request: number; readonly hold: string; readonly at: number } & Asked)
  /** It was answered: what the fenced register is at, or null if the token is too low. */
  | { readonly kind: "answered"; readonly request: number; readonly at: number; readonly version: number | null }
  /** What the library logs, for the reader who has to understand a run. */
  | { readonly kind: "log"; readonly at: number; readonly message: string }
  /** It did not get in. */
  | {
      readonly kind: "refused";
      readonly actor: string;
      readonly at: number;
      readonly code: string;
      readonly message: string;
    };

/** Each line in one write, so that it outlives its writer's SIGKILL. */
export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  append(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

export function readJournal(path: string): Entry[] {
  const lines = readFileSync(path, "utf8").split("\n");
  // After the last newline there is nothing, or a line that its writer was killed in.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
}

/** The requests to the register of one incarnation of a worker. */
export function requestsOf(entries: readonly Entry[]): RegisterRequest[] {
  const answers = new Map(
    entries.flatMap((entry) => (entry.kind === "answered" ? [[entry.request, entry] as const] : [])),
  );
  return entries.flatMap((entry) => (entry.kind === "asked" ? [{ ...entry, answer: answers.get(entry.request) }] : []));
}
