import { readFileSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A number in a file, read and written as anybody would: nothing here keeps two processes apart. The digits are
 * overwritten in place, because emptying the file first would let a SIGKILL leave it empty.
 */
export class Counter {
  readonly #file: string;

  constructor(folder: string) {
    this.#file = join(folder, "count.txt");
  }

  create(): void {
    writeFileSync(this.#file, digits(0));
  }

  async read(): Promise<number> {
    return Number(await readFile(this.#file, "utf8"));
  }

  /** The same, without waiting. */
  peek(): number {
    return Number(readFileSync(this.#file, "utf8"));
  }

  async write(count: number): Promise<void> {
    await writeFile(this.#file, digits(count), { flag: "r+" });
  }
}

function digits(count: number): string {
  return `${String(count).padStart(8, "0")}\n`;
}
