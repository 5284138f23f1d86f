import { columnsOf } from "../columns.ts";
import { terminal } from "../terminal.ts";
import { type TerminalSize, terminalSize } from "../terminal-size.ts";

const STDOUT = 1;
const HOME = "\x1b[H";
const CLEAR_BELOW = "\x1b[J";
/** Colours take no room. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours begin with
const COLOURS = /\x1b\[\d+m/g;

export interface Frame {
  /** What is always there. */
  readonly head: readonly string[];
  /** Of these as many as fit. */
  readonly lines: readonly string[];
}

/** A terminal on which one frame takes the place of another. The cursor stands below the last one, wherever that ends. */
export class Screen {
  #frame: Frame | undefined;
  readonly #redraw = (): void => {
    if (this.#frame) this.draw(this.#frame);
  };

  constructor() {
    process.on("SIGWINCH", this.#redraw);
  }

  draw(frame: Frame): void {
    this.#frame = frame;
    const lines = fitted(frame, terminalSize(STDOUT));
    // In one piece: nothing flickers.
    terminal.print(`${HOME}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join("")}`);
  }

  end(): void {
    process.off("SIGWINCH", this.#redraw);
  }
}

/** The lines of a frame that fit, and how many more there are. The row below them is the cursor's. */
export function fitted({ head, lines }: Frame, { rows, columns }: TerminalSize): string[] {
  const height = (line: string): number => Math.max(1, Math.ceil(columnsOf(line.replace(COLOURS, "")) / columns));
  const heightOf = (some: readonly string[]): number => some.reduce((sum, line) => sum + height(line), 0);
  let left = rows - 1 - heightOf(head);
  if (heightOf(lines) <= left) return [...head, ...lines];
  // A row is for saying so.
  left -= 1;
  const shown: string[] = [];
  for (const line of lines) {
    left -= height(line);
    if (left < 0) break;
    shown.push(line);
  }
  return [...head, ...shown, `… and ${lines.length - shown.length} more`];
}
