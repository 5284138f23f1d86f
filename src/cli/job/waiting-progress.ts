import { hostname } from "node:os";
import { presentHolder } from "../../facts/who.ts";
import { type AzureMutex, isMutexError, type LockStatus } from "../../index.ts";
import { shownDuration } from "../duration.ts";
import { heldBy } from "../facts/lock-words.ts";
import { printable } from "../printable.ts";
import { terminal } from "../terminal.ts";
import { later, wallMs } from "../time.ts";

const FIRST_AFTER_MS = 1_000;
const EVERY_MS = 5_000;

/** Without a terminal, in milliseconds: long enough for a queue that moves, short enough for a reader of a log. */
const SAY_ONCE_AFTER_MS = 10_000;
const TRY_AGAIN_AFTER_MS = 15_000;

/** Names the holder for which a command waits: repeatedly on a terminal, elsewhere once, when it has waited for long. */
export class WaitingProgress {
  readonly #mutex: AzureMutex;
  readonly #key: string;
  readonly #since: number = wallMs();
  #cancel = (): void => undefined;
  #isOver = false;

  constructor(mutex: AzureMutex, key: string) {
    this.#mutex = mutex;
    this.#key = key;
    this.#cancel = terminal.isWatched
      ? later(FIRST_AFTER_MS, () => void this.#look())
      : later(SAY_ONCE_AFTER_MS, () => void this.#sayOnce());
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancel();
    terminal.show("");
  }

  async #sayOnce(isLastTry = false): Promise<void> {
    const line = await this.#line().catch((error: unknown) => {
      // A service that does not answer may do so soon, and if not, the command ends and says that.
      if (!isLastTry && isMutexError(error) && error.code === "STORE_UNAVAILABLE") return undefined;
      return this.#lineOf({ key: this.#key, isHeld: false, state: "missing", infinite: false });
    });
    if (this.#isOver) return;
    if (line === undefined) this.#cancel = later(TRY_AGAIN_AFTER_MS, () => void this.#sayOnce(true));
    else terminal.say(`azmutex: ${line}`);
  }

  async #line(): Promise<string> {
    return this.#lineOf(await this.#mutex.inspect(this.#key));
  }

  #lineOf(status: LockStatus): string {
    return waitingLine(status, { host: hostname(), pid: process.pid, now: wallMs(), since: this.#since });
  }

  async #look(): Promise<void> {
    try {
      const line = await this.#line();
      if (!this.#isOver) terminal.show(line);
    } catch {
      // The command that waits finds out, and says so.
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
