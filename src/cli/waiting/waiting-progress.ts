import { hostname } from "node:os";
import { type AzureMutex, isMutexError, type LockStatus } from "../../index.ts";
import { presentHolder } from "../../status/holders.ts";
import { printable } from "../../status/printable.ts";
import { shownDuration } from "../options/duration.ts";
import { inTheWayOf } from "../output/in-the-way.ts";
import { type LinePart, lineOf } from "../terminal/columns.ts";
import { terminal } from "../terminal/terminal.ts";
import { later, wallMs } from "../time.ts";
import type { WantedLock } from "./own-ancestors.ts";

const FIRST_AFTER_MS = 1_000;
/** A service that is well has answered by then. */
const ANSWER_MS = 300;
/** On a terminal, where each look takes the place of the one before. */
const SHOW_EVERY_MS = 5_000;
/** Elsewhere, where each look is a line more. */
const SAY_EVERY_MS = 60_000;
/**
 * Without a terminal: after this long a command that gets no answer has ended, and one that no holder keeps waiting has
 * its lock.
 */
const SETTLED_AFTER_MS = 25_000;

/** What a command waits for: a lock, or leadership. */
export type Aim = "for" | "to lead";

/**
 * Says what a command waits for, and which holder is in the way: in the foreground of a terminal in one row that
 * changes, elsewhere in a line when it begins to wait and another each minute. Two requests for each.
 */
export class WaitingProgress {
  readonly #mutex: AzureMutex;
  readonly #wanted: WantedLock;
  readonly #aim: Aim;
  readonly #onSeen: (status: LockStatus) => void;
  readonly #since: number = wallMs();
  /** Whether this look is shown in the row of the cursor, and not said in a line. */
  #isShown = false;
  #cancel = (): void => undefined;
  readonly #over = new AbortController();
  #hasSaid = false;

  /** @param onSeen - Takes what each look shows. */
  constructor(
    mutex: AzureMutex,
    wanted: WantedLock,
    aim: Aim = "for",
    onSeen: (status: LockStatus) => void = () => undefined,
  ) {
    this.#mutex = mutex;
    this.#wanted = wanted;
    this.#aim = aim;
    this.#onSeen = onSeen;
    // Also with --quiet: what a look shows may end the wait.
    this.#cancel = later(FIRST_AFTER_MS, () => void this.#look());
  }

  /** How long it has waited, if a line said so. */
  get saidForMs(): number | undefined {
    return this.#hasSaid ? wallMs() - this.#since : undefined;
  }

  end(): void {
    if (this.#isOver) return;
    this.#over.abort();
    this.#cancel();
    terminal.show("");
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  async #look(): Promise<void> {
    this.#isShown = terminal.canShow;
    const cancel = this.#isShown ? later(ANSWER_MS, () => this.#showSilence()) : undefined;
    const { signal } = this.#over;
    const status = await this.#mutex
      .inspect(this.#wanted.key, { signal })
      .catch((error: unknown) => this.#unseen(error));
    cancel?.();
    if (this.#isOver) return;
    if (status) this.#onSeen(status);
    else this.#showSilence();
    const isTold = status !== undefined && this.#tell(status);
    const nextMs = this.#isShown || (status && !isTold) ? SHOW_EVERY_MS : isTold ? SAY_EVERY_MS : SETTLED_AFTER_MS;
    this.#cancel = later(nextMs, () => void this.#look());
  }

  /**
   * That it is the service that the command waits for. On a terminal alone: elsewhere an outage ends the command with a
   * line.
   */
  #showSilence(): void {
    const host = this.#mutex.address?.host ?? "the service";
    if (!this.#isOver) terminal.show(`waiting for an answer from ${host} (${shownDuration(wallMs() - this.#since)})`);
  }

  /** What to tell without an answer: nothing yet of an outage, which may end soon or end the command. */
  #unseen(error: unknown): LockStatus | undefined {
    const isOutage = isMutexError(error) && error.code === "STORE_UNAVAILABLE";
    if (isOutage && (this.#isShown || wallMs() - this.#since < SETTLED_AFTER_MS)) return undefined;
    return { key: this.#wanted.key, isHeld: false, state: "missing", infinite: false };
  }

  /**
   * Whether there was something to tell: a candidate that pauses while no other leads waits for nothing, nor does a
   * command for which a slow service takes its time.
   */
  #tell(status: LockStatus): boolean {
    const { kind } = this.#wanted;
    const self = { host: hostname(), pid: process.pid, now: wallMs(), since: this.#since };
    const isSettled = self.now - self.since >= SETTLED_AFTER_MS;
    // It has just been won. Later that is another process of the same name, in another container of this machine, say.
    if (!isSettled && isHeldByCommand(status, self)) return false;
    const mayBeIdle = this.#aim === "to lead" || (!this.#isShown && !isSettled);
    const isIdle = mayBeIdle && inTheWayOf(status, kind, self.now).length === 0;
    const parts = isIdle ? [] : waitingLine(status, kind, self, this.#aim);
    if (this.#isShown) terminal.show(lineOf(terminal.progressColumns, parts));
    else if (!isIdle) terminal.say(`azmutex: ${lineOf(Number.POSITIVE_INFINITY, parts)}`);
    this.#hasSaid ||= !isIdle && !this.#isShown;
    return !isIdle;
  }
}

/** Whether the lock is this process's own by now. */
function isHeldByCommand(status: LockStatus, { host, pid }: Pick<WaitingCommand, "host" | "pid">): boolean {
  const holder = presentHolder(status);
  return holder?.host === host && holder.pid === pid;
}

/** This process. Several may go by one name. */
export interface WaitingCommand {
  readonly host: string;
  readonly pid: number;
  readonly now: number;
  readonly since: number;
}

/** `waiting for "nightly" (12 s): held by build-7:4123 (deploy 42) for 3 min; 2 of 3 in line`. */
export function waitingLine(
  status: LockStatus,
  kind: WantedLock["kind"],
  { host, pid, now, since }: WaitingCommand,
  aim: Aim = "for",
): readonly LinePart[] {
  const { key, waiting = [] } = status;
  const inTheWay = inTheWayOf(status, kind, now);
  const place = waiting.findIndex((other) => other.holder.host === host && other.holder.pid === pid) + 1;
  const inLine = place > 0 ? [`; ${place} of ${waiting.length} in line`] : [];
  const beginning: LinePart[] = [
    `waiting ${aim} "`,
    { text: printable(key), cut: "middle" },
    `" (${shownDuration(now - since)})`,
  ];
  return [...beginning, ...(inTheWay.length > 0 ? [": ", ...inTheWay] : []), ...inLine];
}
