import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds since 1970, to the microsecond: processes of one machine can compare it. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A line of the journal. A worker writes one on entering its critical section and one on leaving it. */
export type Entry =
  | { kind: "enter"; worker: string; at: number; askedAt: number; token?: number | undefined }
  | { kind: "leave"; worker: string; at: number; read: number };

/**
 * What happened, in the order in which it happened: a file that all workers append to, each line in one write. The
 * order of its lines owes nothing to clocks or to messages still on their way, and a line outlives its writer's
 * SIGKILL.
 */
export class Journal {
  readonly #file: string;

  constructor(folder: string) {
    this.#file = join(folder, "journal.jsonl");
  }

  create(): void {
    appendFileSync(this.#file, "");
  }

  append(entry: Entry): void {
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  entries(): Entry[] {
    return readFileSync(this.#file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Entry);
  }
}
