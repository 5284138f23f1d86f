import { WriteStream } from "node:tty";

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What a terminal has that does not know its size. */
const ROWS = 24;
const COLUMNS = 80;

/** The size that the terminal of this file descriptor has at this moment. */
export function terminalSize(fd: number): TerminalSize {
  // The stream reads the size once, when it is made.
  const stream = new WriteStream(fd);
  const [columns, rows] = stream.getWindowSize();
  stream.destroy();
  return { columns: columns || COLUMNS, rows: rows || ROWS };
}
