import { hostname } from "node:os";
import { type AzureMutex, isMutexError, type LockStatus } from "../../index.ts";
import { presentHolder } from "../../status/holders.ts";
import { shownDuration } from "../options/duration.ts";
import { lineOf } from "../terminal/columns.ts";
import { terminal } from "../terminal/terminal.ts";
import { later, wallMs } from "../time.ts";
import type { WantedLock } from "./own-ancestors.ts";
import type { Aim, WaitingCommand, waitingLine } from "./waiting-line.ts";

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
    // A command that has its lock at once needs none of it.
    const loading = import("./waiting-line.ts");
    const status = await this.#mutex
      .inspect(this.#wanted.key, { signal })
      .catch((error: unknown) => this.#unseen(error));
    const { waitingLine } = await loading;
    cancel?.();
    if (this.#isOver) return;
    if (status) this.#onSeen(status);
    else this.#showSilence();
    const isTold = status !== undefined && this.#tell(status, waitingLine);
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
  #tell(status: LockStatus, lineFor: typeof waitingLine): boolean {
    const { kind } = this.#wanted;
    const self = { host: hostname(), pid: process.pid, now: wallMs(), since: this.#since };
    const isSettled = self.now - self.since >= SETTLED_AFTER_MS;
    // It has just been won. Later that is another process of the same name, in another container of this machine, say.
    if (!isSettled && isHeldByCommand(status, self)) return false;
    const mayBeIdle = this.#aim === "to lead" || (!this.#isShown && !isSettled);
    const parts = lineFor(status, kind, self, { aim: this.#aim, mayBeIdle });
    const isIdle = parts.length === 0;
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
