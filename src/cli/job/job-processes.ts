import { machineMs } from "../time.ts";
import { KEY } from "./job-environment.ts";
import { MARK, marksIn } from "./job-mark.ts";
import {
  argumentsOf,
  hasProcessTable,
  isAzmutex,
  lastPid,
  type ProcessEntry,
  processEntry,
  processTable,
  variableOf,
} from "./process-table.ts";

/** After so many lists in a row that each show new processes, the known ones are killed. */
const MOST_ROUNDS = 50;
/** Within so many milliseconds no machine gives out all its pids. */
const ALL_PIDS_MS = 1_000;

/** A process of a job. */
interface Member extends ProcessEntry {
  /** Whether it belongs to an azmutex that runs within the job, which passes signals on itself. */
  readonly isNested: boolean;
}

/** The process a job began with. It leads a group and a session of its own. */
export interface JobRoot {
  readonly pid: number;
  /** As {@link ProcessEntry} has it; undefined where Linux's /proc is not there. */
  readonly startedAt: number | undefined;
}

/**
 * The processes of a job: the group and the session of its first process, all that bears the job's mark in its
 * environment, and what descends from any of these. Only Linux tells: elsewhere it is the group alone, and on Windows
 * the first process alone. A process that has left the session, bears no mark and whose parents ended before they were
 * seen is not known. One that has left the session and has dropped the mark alone from its environment is a daemon by
 * intent, and no part of the job.
 */
export class JobProcesses {
  readonly #mark: string;
  readonly #root: JobRoot | undefined;
  readonly #since: number = machineMs();
  /** Whether more than the group can be known. */
  readonly hasTable: boolean = hasProcessTable();
  /** The processes that ran at the last look. */
  #lastSeen: readonly ProcessEntry[] = [];
  /**
   * The processes that belonged to the job at any look: the parents of some, by which they were known, may have ended
   * since.
   */
  readonly #everSeen = new Map<number, Member>();
  /** Those that {@link pause} has stopped, in the order in which it did. */
  #paused: readonly Member[] = [];

  /** Without a root they are those that bear the mark. */
  constructor(mark: string, root?: JobRoot) {
    this.#mark = mark;
    this.#root = root;
  }

  /** Sends it to the group of the first process. */
  send(signal: NodeJS.Signals | 0): boolean {
    const { pid, startedAt } = this.#root ?? {};
    // Another process may bear the number once the group is gone.
    if (pid === undefined || isAnother(processEntry(pid), startedAt)) return false;
    return isSent(process.platform === "win32" ? pid : -pid, signal);
  }

  /** Sends these to all processes of the job, but for those that an azmutex within the job sends them to. */
  sendToAll(...signals: readonly NodeJS.Signals[]): void {
    const before = this.#known();
    for (const signal of signals) this.send(signal);
    const { pid: root } = this.#root ?? {};
    const pids = new Set(before.map(({ pid }) => pid));
    // Processes that were started outside the group meanwhile. One that has left the group since then has the signals
    // already.
    const members = [...before, ...this.#known().filter(({ pid }) => !pids.has(pid))];
    const outside = members.filter(({ group, isNested }) => group !== root && !isNested);
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
    const stopped = stopAll(() => this.#known());
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
    this.#paused = stopAll(() => withoutAzmutex(this.#known()));
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
      if (this.#lastSeen.some((seen) => this.#isStill(seen))) return true;
      const members = this.#members();
      this.#lastSeen = members ?? [];
      return members === undefined ? this.send(0) : members.length > 0;
    } catch {
      return true;
    }
  }

  /** The pids of all that can be seen to run at this moment. */
  get pids(): readonly number[] {
    return this.#known().map(({ pid }) => pid);
  }

  /** All that can be seen to run. */
  #known(): readonly Member[] {
    try {
      return this.#members() ?? [];
    } catch {
      return [];
    }
  }

  /** All that run. Undefined where only the group is known; throws without a free file descriptor. */
  #members(): Member[] | undefined {
    if (!this.hasTable) return undefined;
    const table = processTable(this.#olderPids());
    const { pid: root, startedAt: since = 0 } = this.#root ?? {};
    const hasGroup = root !== undefined && !table.some((entry) => entry.pid === root && isAnother(entry, since));
    const members = new Map<number, Member>();
    const childrenOf = new Map<number, ProcessEntry[]>();
    for (const entry of table) childrenOf.set(entry.parent, [...(childrenOf.get(entry.parent) ?? []), entry]);
    const add = (entry: ProcessEntry, isNested: boolean): void => {
      if (members.has(entry.pid) || this.#hasLeft(entry)) return;
      members.set(entry.pid, { ...entry, isNested });
    };
    for (const entry of table) {
      const seen = this.#everSeen.get(entry.pid);
      if (seen?.startedAt === entry.startedAt) add(entry, seen.isNested);
      else if (hasGroup && (entry.group === root || entry.session === root)) add(entry, false);
      else if (entry.startedAt >= since && entry.isRunning) {
        const marks = marksIn(variableOf(entry.pid, MARK));
        if (marks.includes(this.#mark)) add(entry, marks.at(-1) !== this.#mark);
      }
    }
    // A map goes through what is added on the way, too.
    for (const { pid, isNested } of members.values())
      for (const child of childrenOf.get(pid) ?? []) add(child, isNested);
    for (const [pid, member] of members) this.#everSeen.set(pid, member);
    return [...members.values()].filter(({ isRunning }) => isRunning);
  }

  /**
   * Whether it runs in a session of its own with the job's environment but for the mark: `env -u AZMUTEX_JOB setsid …`.
   */
  #hasLeft({ pid, group, session }: ProcessEntry): boolean {
    const { pid: root } = this.#root ?? {};
    if (group === root || session === root) return false;
    return !marksIn(variableOf(pid, MARK)).includes(this.#mark) && variableOf(pid, KEY) !== undefined;
  }

  #isStill({ pid, startedAt }: ProcessEntry): boolean {
    const entry = processEntry(pid);
    return entry?.isRunning === true && entry.startedAt === startedAt && !this.#hasLeft(entry);
  }

  /**
   * Up to which pid all processes are older than the job, and need not be looked at: pids grow until there are no more.
   */
  #olderPids(): number {
    const { pid, startedAt } = this.#root ?? {};
    if (pid === undefined || startedAt === undefined || machineMs() - this.#since > ALL_PIDS_MS) return 0;
    return lastPid() >= pid ? pid - 1 : 0;
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

/** Whether a number has gone to another process than the one that was forked then. */
function isAnother(entry: ProcessEntry | undefined, startedAt: number | undefined): boolean {
  return entry !== undefined && startedAt !== undefined && entry.startedAt !== startedAt;
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
