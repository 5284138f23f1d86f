import { stripVTControlCharacters } from "node:util";
import { now } from "../../lab/shared/race/journal.ts";
import { boardLines, LOWEST, NARROWEST, progressLine } from "./board.ts";
import { type Paint, paintFor } from "./paint.ts";
import type { RaceView } from "./race.ts";

const REDRAW_EVERY_MS = 80;
const LINE_EVERY_MS = 2_500;

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J";
const CLEAR_LINE = "\x1b[K";

/** Shows a race while it is on: redrawn on a terminal, line by line elsewhere. */
export class Screen {
  readonly paint: Paint;
  readonly #out: NodeJS.WriteStream;
  #race: RaceView | undefined;
  #timer: NodeJS.Timeout | undefined;
  #linesOnScreen = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.paint = paintFor(out);
  }

  /** Writes something that stays. On a terminal it is folded between words, and indented by the width of its lead. */
  say(words: string, lead = ""): void {
    const indent = stripVTControlCharacters(lead).length;
    // A terminal that does not know its width says 0.
    const lines = this.#out.columns > 0 ? fold(words, this.#out.columns - indent - 1) : [words];
    this.#out.write(`${this.#eraseBoard()}${lead}${lines.join(`\n${" ".repeat(indent)}`)}\n`);
    this.#draw();
  }

  follow(race: RaceView): void {
    this.#race = race;
    if (this.#redraws) this.#out.write(HIDE_CURSOR);
    this.#timer = setInterval(() => this.#tick(), this.#redraws ? REDRAW_EVERY_MS : LINE_EVERY_MS);
    this.#draw();
  }

  /** The board stays as it was last, and what follows is written beneath it. */
  unfollow(): void {
    if (!this.#race) return;
    clearInterval(this.#timer);
    this.#draw();
    if (this.#redraws) this.#out.write(SHOW_CURSOR);
    this.#race = undefined;
    this.#linesOnScreen = 0;
  }

  get #redraws(): boolean {
    return this.#out.isTTY && process.env.TERM !== "dumb" && this.#out.columns >= NARROWEST && this.#out.rows >= LOWEST;
  }

  #tick(): void {
    if (this.#redraws) this.#draw();
    else if (this.#race?.startedAt !== undefined) this.#out.write(`${progressLine(this.#race)}\n`);
  }

  #draw(): void {
    if (!this.#race || !this.#redraws) return;
    const lines = boardLines(this.#race, now(), this.#out.columns, this.paint);
    // Line by line over what was there, so that nothing flickers.
    const board = lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    this.#out.write(`${this.#toBoardsTop()}${board}${CLEAR_BELOW}`);
    this.#linesOnScreen = lines.length;
  }

  #toBoardsTop(): string {
    return this.#linesOnScreen > 0 ? `\x1b[${this.#linesOnScreen}A\r` : "";
  }

  #eraseBoard(): string {
    const erase = this.#linesOnScreen > 0 ? `${this.#toBoardsTop()}${CLEAR_BELOW}` : "";
    this.#linesOnScreen = 0;
    return erase;
  }
}

function fold(words: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
