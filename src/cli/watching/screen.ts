import { columnsOf, cutTo } from "../terminal/columns.ts";
import { isInBackground } from "../terminal/foreground.ts";
import { STDOUT } from "../terminal/streams.ts";
import { terminal } from "../terminal/terminal.ts";
import { type TerminalSize, terminalSize } from "../terminal/terminal-size.ts";

const HOME = "\x1b[H";
const CLEAR_BELOW = "\x1b[J";
/** Colours take no room. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours begin with
const COLOURS = /\x1b\[\d+m/g;

/** The terminal has another size, or a shell has put this process into the foreground. */
const REDRAWN_AT = ["SIGWINCH", "SIGCONT"] as const;

export interface Frame {
  /** What is always there. */
  readonly head: readonly string[];
  /** Of these as many as fit, each in one row. */
  readonly lines: readonly string[];
  /** How to see the others. Default: nothing. */
  readonly hint?: string;
}

/** What there is to show, on a terminal that is so wide. */
export type Picture = (columns: number) => Frame;

/**
 * A terminal on which one frame takes the place of another. The cursor stands below the last one, wherever that ends.
 * In the background nothing is drawn: the cursor is a shell's.
 */
export class Screen {
  #picture: Picture | undefined;
  /** The first of the frame's lines that is shown, where not all of them fit. */
  #first = 0;
  #page = 1;
  readonly #redraw = (): void => {
    if (this.#picture) this.draw(this.#picture);
  };

  constructor() {
    for (const signal of REDRAWN_AT) process.on(signal, this.#redraw);
  }

  draw(picture: Picture): void {
    this.#picture = picture;
    if (isInBackground(STDOUT)) return;
    const size = terminalSize(STDOUT);
    const { lines, first, page } = fitted(picture(size.columns), size, this.#first);
    this.#first = first;
    this.#page = page;
    // In one piece: nothing flickers.
    terminal.print(`${HOME}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join("")}`);
  }

  /** Shows other lines, where not all of them fit. */
  scroll(step: Scroll): void {
    this.#first = firstAfter(step, this.#first, this.#page);
    this.#redraw();
  }

  end(): void {
    for (const signal of REDRAWN_AT) process.off(signal, this.#redraw);
  }
}

/** To the lines before or after, one or as many as fit, or to an end. */
export type Scroll = "up" | "down" | "pageUp" | "pageDown" | "top" | "bottom";

function firstAfter(step: Scroll, first: number, page: number): number {
  switch (step) {
    case "up":
      return first - 1;
    case "down":
      return first + 1;
    case "pageUp":
      return first - page;
    case "pageDown":
      return first + page;
    case "top":
      return 0;
    case "bottom":
      return Number.POSITIVE_INFINITY;
  }
}

/** What of a frame is shown. */
export interface Fitted {
  readonly lines: readonly string[];
  /** The first of the frame's lines among them, by number. */
  readonly first: number;
  /** How many of them there are. */
  readonly page: number;
}

/** The lines of a frame that fit, from `first` on, and which of them these are. The row below them is the cursor's. */
export function fitted({ head, lines, hint = "" }: Frame, { rows, columns }: TerminalSize, first = 0): Fitted {
  const heightOf = (line: string): number => Math.max(1, Math.ceil(columnsOf(line.replace(COLOURS, "")) / columns));
  const room = rows - 1 - head.reduce((sum, line) => sum + heightOf(line), 0);
  if (lines.length <= room) return { lines: [...head, ...lines], first: 0, page: lines.length };
  // A row is for saying so.
  const page = Math.max(1, room - 1);
  const from = Math.min(Math.max(0, first), lines.length - page);
  const where = `… ${from + 1} to ${Math.min(from + page, lines.length)} of ${lines.length}${hint}`;
  return {
    lines: [...head, ...lines.slice(from, from + page), terminal.paint("dim", cutTo(columns, where))],
    first: from,
    page,
  };
}
