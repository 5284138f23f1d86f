import { JobMembers, type JobRoot, type Member } from "./job-members.ts";
import { argumentsOf, isAzmutex, type ProcessEntry, processEntry } from "./process-table.ts";

/** After so many lists in a row that each show new processes, the known ones are killed. */
const MOST_ROUNDS = 50;

/**
 * The processes of a job ({@link JobMembers}), as they are signalled. Only Linux tells all: elsewhere it is the group
 * of the first process alone, and on Windows the first process alone.
 */
export class JobProcesses {
  readonly #members: JobMembers;
  /** The processes that ran at the last look. */
  #lastSeen: readonly ProcessEntry[] = [];
  /** Those that {@link pause} has stopped, in the order in which it did. */
  #paused: readonly Member[] = [];

  /** Without a root they are those that bear the mark. */
  constructor(mark: string, root?: JobRoot) {
    this.#members = new JobMembers(mark, root);
  }

  /** Whether more than the group can be known. */
  get hasTable(): boolean {
    return this.#members.hasTable;
  }

  /** Sends it to the group of the first process. */
  send(signal: NodeJS.Signals | 0): boolean {
    const { group } = this.#members;
    return group !== undefined && isSent(process.platform === "win32" ? group : -group, signal);
  }

  /** Sends these to all processes of the job, but for those that an azmutex within the job sends them to. */
  sendToAll(...signals: readonly NodeJS.Signals[]): void {
    const before = this.#members.known();
    for (const signal of signals) this.send(signal);
    const pids = new Set(before.map(({ pid }) => pid));
    // Processes that were started outside the group meanwhile. One that has left the group since then has the signals
    // already.
    const members = [...before, ...this.#members.known().filter(({ pid }) => !pids.has(pid))];
    const outside = members.filter(({ group, isNested }) => group !== this.#members.root?.pid && !isNested);
    // Groups are signalled whole, new children included. One of another PID namespace has no number here.
    const isGroupKnown = ({ group }: Member): boolean => group > 1 && group !== processEntry(process.pid)?.group;
    for (const address of new Set(outside.map((member) => (isGroupKnown(member) ? -member.group : member.pid)))) {
      for (const signal of signals) isSent(address, signal);
    }
  }

  /** Asks all of it to end. What is stopped goes on, or it could not. */
  stop(): void {
    this.sendToAll("SIGTERM", "SIGCONT");
  }

  /** Ends all of it at once. What another user owns, or the kernel does not let go, stays: see {@link isAlive}. */
  kill(): void {
    // All are stopped first: what stands still starts nothing that is not on the list.
    const stopped = stopAll(() => this.#members.known());
    this.send("SIGKILL");
    for (const { pid } of stopped) isSent(pid, "SIGKILL");
  }

  /**
   * Stops all of it for a while, but for an azmutex within the job and what that runs: it holds a lock, and looks after
   * its job itself.
   */
  pause(): void {
    if (!this.hasTable) {
      this.send("SIGSTOP");
      return;
    }
    // Parents first: a shell with job control within it would take its child for suspended.
    this.#paused = stopAll(() => withoutAzmutex(this.#members.known()));
  }

  /** Whether all that {@link pause} was to stop stands still. False where only the group is known. */
  get isPaused(): boolean {
    return this.hasTable && this.#paused.every(({ pid }) => processEntry(pid)?.isStopped !== false);
  }

  /** Lets go on what {@link pause} has stopped, children first. */
  resume(): void {
    if (!this.hasTable) this.send("SIGCONT");
    for (const { pid, startedAt } of this.#paused.toReversed())
      if (processEntry(pid)?.startedAt === startedAt) isSent(pid, "SIGCONT");
    this.#paused = [];
  }

  /** Whether any process of the job runs, or may run: without a free file descriptor this process cannot see it. */
  get isAlive(): boolean {
    try {
      // No list of all processes is needed while one of the last is there.
      if (this.#lastSeen.some((seen) => this.#members.isStill(seen))) return true;
      const members = this.#members.running();
      this.#lastSeen = members ?? [];
      return members === undefined ? this.send(0) : members.length > 0;
    } catch {
      return true;
    }
  }

  /** The pids of all that can be seen to run at this moment. */
  get pids(): readonly number[] {
    return this.#members.known().map(({ pid }) => pid);
  }
}

/** Stops all processes that a list names, until it names no new one. */
function stopAll(list: () => readonly Member[]): readonly Member[] {
  const stopped = new Map<number, Member>();
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const fresh = list().filter(({ pid, startedAt }) => stopped.get(pid)?.startedAt !== startedAt);
    if (fresh.length === 0) break;
    for (const member of fresh) {
      stopped.set(member.pid, member);
      isSent(member.pid, "SIGSTOP");
    }
  }
  return [...stopped.values()];
}

/** Those of the processes that neither are an azmutex nor descend from one. */
function withoutAzmutex(members: readonly Member[]): readonly Member[] {
  const left = new Set(members.map(({ pid }) => pid).filter((pid) => isAzmutex(argumentsOf(pid))));
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const { pid, parent } of members) if (left.has(parent)) left.add(pid);
  }
  return members.filter(({ pid }) => !left.has(pid));
}

/** Whether there is a process to send it to: a positive number names one, a negative one a group. */
function isSent(address: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(address, signal);
  } catch (error) {
    // On Linux it is another user's, and there; on macOS nothing may be left but the dead.
    return process.platform === "linux" && (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
