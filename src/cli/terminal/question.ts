import { readSync } from "node:fs";
import { pauseSync } from "../time.ts";
import { STDIN } from "./streams.ts";
import { terminal } from "./terminal.ts";

const NEWLINE = 10;
const READ_AGAIN_MS = 50;

/** Whether a person can be asked, sees the question, and wants to. */
export function canAsk(): boolean {
  return terminal.isInput && terminal.isWatched && !terminal.isQuiet;
}

/** Whether a person says yes. Nothing else happens meanwhile: Ctrl-C ends this process. */
export function ask(question: string): boolean {
  terminal.prompt(`${question} [y/N] `);
  return /^y(?:es)?$/i.test(readLine().trim());
}

function readLine(): string {
  const byte = Buffer.alloc(1);
  const bytes: number[] = [];
  for (;;) {
    try {
      if (readSync(STDIN, byte) === 0) {
        // The end of the input, which leaves the cursor where it is.
        terminal.say("");
        break;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") break;
      pauseSync(READ_AGAIN_MS);
      continue;
    }
    if (byte[0] === NEWLINE) break;
    bytes.push(byte[0] ?? 0);
  }
  return Buffer.from(bytes).toString("utf8");
}
