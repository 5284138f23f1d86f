import { machineMs } from "../time.ts";
import { KEY_VARIABLE } from "./job-environment.ts";
import { MARK, marksIn } from "./job-mark.ts";
import {
  hasProcessTable,
  lastPid,
  type ProcessEntry,
  processEntry,
  processTable,
  variableOf,
} from "./process-table.ts";

/** Within so many milliseconds no machine gives out all its pids. */
const ALL_PIDS_MS = 1_000;

/** A process of a job. */
export interface Member extends ProcessEntry {
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
 * Which processes belong to a job: the group and the session of its first process, all that bears the job's mark in its
 * environment, and what descends from any of these. A process that has left the session, bears no mark and whose
 * parents ended before they were seen is not known. One that has left the session and has dropped the mark alone from
 * its environment is a daemon by intent, and no part of the job.
 */
export class JobMembers {
  readonly #mark: string;
  readonly root: JobRoot | undefined;
  readonly #since: number = machineMs();
  /** Whether more than the group can be known. */
  readonly hasTable: boolean = hasProcessTable();
  /**
   * The processes that belonged to the job at any look: the parents of some, by which they were known, may have ended
   * since.
   */
  readonly #everSeen = new Map<number, Member>();

  /** Without a root they are those that bear the mark. */
  constructor(mark: string, root?: JobRoot) {
    this.#mark = mark;
    this.root = root;
  }

  /** The group of the first process. Undefined without one, and once another process bears its number. */
  get group(): number | undefined {
    const { pid, startedAt } = this.root ?? {};
    return pid === undefined || isAnother(processEntry(pid), startedAt) ? undefined : pid;
  }

  /** All that can be seen to run. */
  known(): readonly Member[] {
    try {
      return this.running() ?? [];
    } catch {
      return [];
    }
  }

  /** All that run. Undefined where only the group is known; throws without a free file descriptor. */
  running(): readonly Member[] | undefined {
    if (!this.hasTable) return undefined;
    const table = processTable(this.#olderPids());
    const { pid: root, startedAt: since = 0 } = this.root ?? {};
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

  /** Whether a member of an earlier look still runs as one. */
  isStill({ pid, startedAt }: ProcessEntry): boolean {
    const entry = processEntry(pid);
    return entry?.isRunning === true && entry.startedAt === startedAt && !this.#hasLeft(entry);
  }

  /**
   * Whether it runs in a session of its own with the job's environment but for the mark: `env -u AZMUTEX_JOB setsid …`.
   */
  #hasLeft({ pid, group, session }: ProcessEntry): boolean {
    const { pid: root } = this.root ?? {};
    if (group === root || session === root) return false;
    return !marksIn(variableOf(pid, MARK)).includes(this.#mark) && variableOf(pid, KEY_VARIABLE) !== undefined;
  }

  /**
   * Up to which pid all processes are older than the job, and need not be looked at: pids grow until there are no more.
   */
  #olderPids(): number {
    const { pid, startedAt } = this.root ?? {};
    if (pid === undefined || startedAt === undefined || machineMs() - this.#since > ALL_PIDS_MS) return 0;
    return lastPid() >= pid ? pid - 1 : 0;
  }
}

/** Whether a number has gone to another process than the one that was forked then. */
function isAnother(entry: ProcessEntry | undefined, startedAt: number | undefined): boolean {
  return entry !== undefined && startedAt !== undefined && entry.startedAt !== startedAt;
}
