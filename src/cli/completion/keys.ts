import { printable } from "../../status/printable.ts";
import { type ConnectionOptions, openMutex } from "../connection/connection.ts";
import { ReaderGone } from "../exit-codes.ts";
import { terminal } from "../terminal/terminal.ts";
import { later } from "../time.ts";

/** The shell waits meanwhile. */
const LONGEST_LISTING_MS = 2_000;
const MOST_KEYS = 500;

/**
 * Prints keys that begin with the prefix, one a line, for a shell that completes. Takes 2 s at most, and prints nothing
 * on failure. A key that would move the cursor is left out.
 */
export async function printKeys(prefix: string, options: ConnectionOptions): Promise<void> {
  const over = new AbortController();
  const stop = later(LONGEST_LISTING_MS, () => process.exit());
  let found = 0;
  try {
    const mutex = await openMutex({ ...options, verbose: false });
    for await (const { key } of mutex.list({ prefix, signal: over.signal })) {
      if (printable(key) === key) terminal.print(`${key}\n`);
      found += 1;
      if (found === MOST_KEYS) break;
    }
  } catch (error) {
    process.exitCode = error instanceof ReaderGone ? error.exitCode : 1;
  }
  stop();
  over.abort();
}
