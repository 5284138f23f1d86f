import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { CommandError, EXIT, ReaderGone } from "../exit-codes.ts";
import { pauseSync } from "../time.ts";
import { cutTo } from "./columns.ts";
import { isInBackground } from "./foreground.ts";
import { STDERR, STDIN, STDOUT } from "./streams.ts";
import { terminalSize } from "./terminal-size.ts";

const WRITE_AGAIN_MS = 5;
const CLEAR_ROW = "\r\x1b[K";

export type Paint = "bold" | "dim" | "red" | "green" | "yellow";
const PAINT_CODES: Readonly<Record<Paint, number>> = Object.freeze({ bold: 1, dim: 2, red: 31, green: 32, yellow: 33 });

let isQuiet = false;
/** What `show` has left on the terminal. */
let shownRow = "";

/**
 * Standard output and error. Written to directly and not through Node's streams: those make a pipe non-blocking, and
 * the job, which has the same pipe, would lose output that it could not write at once.
 */
export const terminal: {
  /** Whether facts go to a terminal. */
  readonly isOutput: boolean;
  /** Whether people watch what is said. */
  readonly isWatched: boolean;
  /** Whether what is said reaches the terminal that this process is in the foreground of. */
  readonly isForeground: boolean;
  /** Whether `show` shows something: the terminal can draw, and the cursor is this process's and not a shell's. */
  readonly canShow: boolean;
  /** Whether a question can be asked. */
  readonly isInput: boolean;
  /** Whether nothing is to be said, as `--quiet` asks. */
  readonly isQuiet: boolean;
  /** The columns that facts may take: those of the terminal they go to, or any number. */
  readonly columns: number;
  /** The rows of the terminal that facts go to, or any number. */
  readonly rows: number;
  /** The columns that progress may take. */
  readonly progressColumns: number;
  silence(): void;
  print(text: string): void;
  say(text: string): void;
  sayAlways(text: string): void;
  show(progress: string): void;
  prompt(text: string): void;
  paint(paint: Paint, text: string): string;
} = Object.freeze({
  isOutput: isatty(STDOUT),
  isWatched: isatty(STDERR),
  isInput: isatty(STDIN),

  get isQuiet() {
    return isQuiet;
  },

  get columns() {
    return isatty(STDOUT) ? terminalSize(STDOUT).columns : Number.POSITIVE_INFINITY;
  },

  get rows() {
    return isatty(STDOUT) ? terminalSize(STDOUT).rows : Number.POSITIVE_INFINITY;
  },

  // A terminal would go on to the next row once the last column is taken.
  get progressColumns() {
    return isatty(STDERR) ? terminalSize(STDERR).columns - 1 : Number.POSITIVE_INFINITY;
  },

  get canShow() {
    return !isDumb() && terminal.isForeground;
  },

  get isForeground() {
    try {
      return isatty(STDERR) && !isQuiet && !isInBackground(STDERR);
    } catch {
      // There is no file descriptor left to look with.
      return false;
    }
  },

  /** From now on nothing is said but what is wrong with the command line. */
  silence(): void {
    isQuiet = true;
  },

  /**
   * Facts, for standard output. Throws {@link ReaderGone} if the reader has closed it, and another {@link CommandError}
   * if they cannot be written for another reason, as to a full disk: what is held is released on the way out.
   */
  print(text: string): void {
    const error = write(STDOUT, text);
    if (error === undefined) return;
    if (READER_GONE.includes(error.code)) throw new ReaderGone(error);
    throw new CommandError(`could not write to standard output: ${error.message}`, EXIT.unwritable, { cause: error });
  },

  /** A line for people, on standard error. One that cannot be written is dropped: a full log stops no job. */
  say(text: string): void {
    if (!isQuiet) terminal.sayAlways(text);
  },

  /** As `say`, also with `--quiet`. */
  sayAlways(text: string): void {
    if (shownRow !== "" && !terminal.canShow) shownRow = "";
    write(STDERR, shownRow === "" ? `${text}\n` : `${CLEAR_ROW}${text}\n${shownRow}`);
  },

  /**
   * Takes the place of what was shown before, on a terminal in whose foreground this process is; an empty text leaves
   * nothing behind. Cut to one row: of two rows the next text would take the place of the second alone.
   */
  show(progress: string): void {
    if (progress === "" && shownRow === "") return;
    const { canShow } = terminal;
    // What was shown before this process went into the background stays above the shell's prompt.
    shownRow = canShow ? cutTo(terminal.progressColumns, progress) : "";
    if (canShow) write(STDERR, `${CLEAR_ROW}${shownRow}`);
  },

  /** A question, whole, after which the cursor stays. */
  prompt(text: string): void {
    write(STDERR, text);
  },

  /** In colour, where facts go to a terminal and the environment does not ask for none (https://no-color.org). */
  paint(paint: Paint, text: string): string {
    return terminal.isOutput && !process.env.NO_COLOR && !isDumb() ? `\x1b[${PAINT_CODES[paint]}m${text}\x1b[0m` : text;
  },
});

/** Whether the terminal can neither colour nor take back what it shows, as that of an editor or of a log. */
export function isDumb(): boolean {
  return process.env.TERM === "dumb";
}

/** What a write fails with where the reader of a pipe, or of a socket, has gone; `EOF` is that of Windows. */
const READER_GONE: readonly unknown[] = ["EPIPE", "EOF", "ECONNRESET"];

/** Writes all of it. Returns the error if it could not. */
function write(fd: number, text: string): NodeJS.ErrnoException | undefined {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      // Another process has made the pipe non-blocking, and it is full.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return error as NodeJS.ErrnoException;
      pauseSync(WRITE_AGAIN_MS);
    }
  }
  return undefined;
}
