import { hostname } from "node:os";
import { presentHolder } from "../../facts/who.ts";
import type { AzureMutex, LockStatus } from "../../index.ts";
import { shownDuration } from "../duration.ts";
import { heldBy } from "../facts/lock-words.ts";
import { printable } from "../printable.ts";
import { terminal } from "../terminal.ts";
import { later, wallMs } from "../time.ts";

const FIRST_AFTER_MS = 1_000;
const EVERY_MS = 5_000;

/** Says on a terminal, while somebody waits, who is in the way. Elsewhere it says and asks nothing. */
export class WaitingProgress {
  readonly #mutex: AzureMutex;
  readonly #key: string;
  readonly #since: number = wallMs();
  #cancel = (): void => undefined;
  #isOver = false;

  constructor(mutex: AzureMutex, key: string) {
    this.#mutex = mutex;
    this.#key = key;
    if (terminal.isWatched) this.#cancel = later(FIRST_AFTER_MS, () => void this.#look());
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancel();
    terminal.show("");
  }

  async #look(): Promise<void> {
    try {
      const status = await this.#mutex.inspect(this.#key);
      const waiter = { host: hostname(), pid: process.pid, now: wallMs(), since: this.#since };
      if (!this.#isOver) terminal.show(waitingLine(status, waiter));
    } catch {
      // Whoever waits finds out, and says so.
    }
    if (!this.#isOver) this.#cancel = later(EVERY_MS, () => void this.#look());
  }
}

/** This process. Several may go by one name. */
export interface Waiter {
  readonly host: string;
  readonly pid: number;
  readonly now: number;
  readonly since: number;
}

/** `waiting for "nightly" (12 s): held by build-7:4123 (deploy 42) for 3 min; 2 of 3 in line`. */
export function waitingLine(status: LockStatus, { host, pid, now, since }: Waiter): string {
  const { key, isHeld, recordedAt, waiting = [] } = status;
  const howLong = presentHolder(status) && recordedAt ? ` for ${shownDuration(now - recordedAt.getTime())}` : "";
  const inTheWay = isHeld ? `: held by ${heldBy(status)}${howLong}` : "";
  const place = waiting.findIndex((other) => other.holder.host === host && other.holder.pid === pid) + 1;
  const inLine = place > 0 ? `; ${place} of ${waiting.length} in line` : "";
  return `waiting for "${printable(key)}" (${shownDuration(now - since)})${inTheWay}${inLine}`;
}
