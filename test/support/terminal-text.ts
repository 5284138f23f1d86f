import { columnsOf } from "../../src/cli/terminal/columns.ts";

/**
 * What the command sends, piece by piece: a control sequence, a control character or a character with what is combined
 * with it.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what control sequences begin with
const PIECE = /\x1b\[([?\d;]*)([A-Za-z])|[\r\n\x08]|[^\x1b\r\n\x08]\p{M}*/gu;

/**
 * What a terminal shows of what a program has sent to it, row by row; a text that is too long goes on in the next row.
 */
export class TerminalText {
  readonly #height: number;
  readonly #width: number;
  #cells: string[][];
  #row = 0;
  #column = 0;

  constructor(height: number, width: number) {
    this.#height = height;
    this.#width = width;
    this.#cells = Array.from({ length: height }, () => []);
  }

  /** Without what is blank at their ends. A character that is twice as wide stands in the first of its two cells. */
  get rows(): string[] {
    return this.#cells.map((cells) =>
      Array.from(cells, (cell) => cell ?? " ")
        .join("")
        .trimEnd(),
    );
  }

  write(text: string): void {
    for (const [piece, parameters = "", letter] of text.matchAll(PIECE)) {
      if (letter !== undefined) this.#control(letter, parameters);
      else if (piece === "\r") this.#column = 0;
      else if (piece === "\n") this.#nextRow();
      else if (piece === "\x08") this.#column = Math.max(0, this.#column - 1);
      else this.#put(piece);
    }
  }

  #put(char: string): void {
    const width = columnsOf(char);
    if (this.#column + width > this.#width) {
      this.#nextRow();
      this.#column = 0;
    }
    const cells = this.#cells[this.#row] ?? [];
    cells[this.#column] = char;
    if (width === 2) cells[this.#column + 1] = "";
    this.#column += width;
  }

  #nextRow(): void {
    if (this.#row < this.#height - 1) this.#row += 1;
    else this.#cells = [...this.#cells.slice(1), []];
  }

  #control(letter: string, parameters: string): void {
    switch (letter) {
      case "H":
        [this.#row, this.#column] = [0, 0];
        break;
      case "J":
        this.#cells = this.#cells.map((cells, row) =>
          row < this.#row ? cells : row === this.#row ? cells.slice(0, this.#column) : [],
        );
        break;
      case "K":
        this.#cells[this.#row] = this.#cells[this.#row]?.slice(0, this.#column) ?? [];
        break;
      case "m":
        break;
      default:
        throw new Error(`this terminal does not know ESC [ ${parameters} ${letter}`);
    }
  }
}
