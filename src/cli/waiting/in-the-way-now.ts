import type { AzureMutex } from "../../index.ts";
import { inTheWayOf } from "../output/in-the-way.ts";
import { lineOf } from "../terminal/columns.ts";
import { terminal } from "../terminal/terminal.ts";
import { later, wallMs } from "../time.ts";
import type { WantedLock } from "./own-ancestors.ts";

/** A command that gives up does not wait longer than this to say why. */
const LONGEST_LOOK_MS = 3_000;

/**
 * What keeps the wanted lock from being had, at this moment: `held by build-7:4123 (deploy 42) for 3 min`. Two
 * requests. Undefined where nothing does, the service does not say, or `--quiet` makes it needless.
 */
export async function inTheWayNow(
  mutex: AzureMutex,
  { key, kind }: WantedLock,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (terminal.isQuiet) return undefined;
  const limit = new AbortController();
  const cancel = later(LONGEST_LOOK_MS, () => limit.abort());
  try {
    const status = await mutex.inspect(key, { signal: AbortSignal.any([signal, limit.signal]) });
    return lineOf(Number.POSITIVE_INFINITY, inTheWayOf(status, kind, wallMs())) || undefined;
  } catch {
    return undefined;
  } finally {
    cancel();
  }
}
