import type { AzureMutex } from "../../index.ts";
import { lineOf } from "../columns.ts";
import { inTheWayOf } from "../facts/in-the-way.ts";
import { terminal } from "../terminal.ts";
import { later, wallMs } from "../time.ts";
import type { Wanted } from "./own-ancestors.ts";

/** A command that gives up does not wait longer than this to say why. */
const LONGEST_MS = 3_000;

/**
 * What keeps the wanted lock from being had, at this moment: `held by build-7:4123 (deploy 42) for 3 min`. Two requests. Undefined where
 * nothing does, the service does not say, or `--quiet` makes it needless.
 */
export async function inTheWayNow(mutex: AzureMutex, { key, kind }: Wanted, signal: AbortSignal): Promise<string | undefined> {
  if (terminal.isQuiet) return undefined;
  const limit = new AbortController();
  const cancel = later(LONGEST_MS, () => limit.abort());
  try {
    const status = await mutex.inspect(key, { signal: AbortSignal.any([signal, limit.signal]) });
    return lineOf(Number.POSITIVE_INFINITY, inTheWayOf(status, kind, wallMs())) || undefined;
  } catch {
    return undefined;
  } finally {
    cancel();
  }
}
