import { toAsciiJson } from "../../blobs/metadata-json.ts";
import { shown } from "../../errors.ts";
import { Holding } from "../../locks/holding.ts";
import type { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { unlessAborted } from "../../time/abort.ts";
import type { Hold } from "../../waiting/hold.ts";
import { checkWaitOptions, type WaitOptions } from "../../waiting/wait-options.ts";
import { Announcements } from "./announcements.ts";

/** In bytes. Metadata holds 8 KB in all; the rest is for the record around it. */
const LONGEST_DATA = 4_096;

/** Leadership that is held, until it is resigned or lost. */
export class Leadership extends Holding {
  /** The name under which it campaigns. */
  readonly candidate: string;
  /** The fencing token: higher than that of every leader before. Hand it to whatever you write to. */
  readonly term: number;
  readonly #announcements: Announcements;

  /** @internal */
  constructor(acquirer: LeaseAcquirer, hold: Hold) {
    const announcements = new Announcements(acquirer, hold);
    super(acquirer.blob.key, hold, { before: () => announcements.end() });
    this.candidate = acquirer.options.description.holder.name;
    this.term = hold.token as number;
    this.#announcements = announcements;
  }

  /**
   * Replaces the data that other processes read of this leader. One request; tried again until it is answered. Throws
   * `TypeError` for data that is too long, `NotHeldError` after a resignation, `LockLostError` once leadership is lost,
   * or the signal's own reason.
   */
  async proclaim(data: string, { signal }: Pick<WaitOptions, "signal"> = {}): Promise<void> {
    checkData(data);
    checkWaitOptions({ signal });
    signal?.throwIfAborted();
    // While leadership is uncertain, the write itself decides: the service refuses it once the lease is another's.
    if (!this.isUncertain) this.assertHeld();
    await unlessAborted(this.#announcements.proclaim(data), signal);
  }

  /** The {@link Leadership.term}, by the name that it has on every other handle. */
  get fencingToken(): number {
    return this.term;
  }

  /**
   * Gives leadership up, for another candidate to take. The field's word for {@link Holding.release}. Called again, it
   * does nothing.
   *
   * @throws `StoreUnavailableError` or `AccessDeniedError` if the service could not be told: the lease then lapses by
   * itself.
   */
  async resign(): Promise<void> {
    await this.release();
  }
}

/** Throws `TypeError` unless it is text that fits into the record. */
export function checkData(data: unknown): asserts data is string {
  if (typeof data !== "string") throw new TypeError(`data must be a string, not ${shown(data)}`);
  const stored = toAsciiJson(data).length;
  if (stored > LONGEST_DATA)
    throw new TypeError(`data must take at most ${LONGEST_DATA} bytes as a JSON string in ASCII, not ${stored}`);
}
