import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CommandError, EXIT } from "../exit-codes.ts";
import { every } from "../time.ts";
import { MARK, marksIn } from "./job-mark.ts";
import { hasProcessTable, pidNamespace, processEntry, processTable, variableOf } from "./process-table.ts";

/** How often to look whether noted jobs have ended, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** The library leaves what the process of such a note had as it is. */
const NOTE = /^azmutex-\d+-[0-9a-f]{8}\.job$/;

/** By what the processes of a job are known. */
export interface NotedJob {
  /** The mark in their environment. */
  readonly mark?: string | undefined;
  /** Pids of processes, of groups or of sessions. */
  readonly roots: readonly number[];
}

/**
 * A note in the state directory of a job that may outlive this process. As long as it is there, no other process takes
 * the death of this one for the end of the work.
 */
export class JobNote {
  readonly #path: string | undefined;

  /**
   * Without a directory there is no note. Process 1 needs none: all processes of its namespace end with it. Throws a
   * {@link CommandError} where it cannot be written: the job must not run without it.
   */
  constructor(directory: string | undefined, job: NotedJob) {
    if (directory === undefined || process.pid === 1) return;
    this.#path = join(directory, `azmutex-${process.pid}-${randomUUID().slice(0, 8)}.job`);
    try {
      this.#write(this.#path, job);
    } catch (cause) {
      throw new CommandError(`the command cannot be noted in --state-dir: ${cause}`, EXIT.system, { cause });
    }
  }

  /** The job runs, and more is known of it. */
  complete(job: NotedJob): void {
    if (this.#path === undefined) return;
    try {
      this.#write(this.#path, job);
    } catch {
      // The note of before holds.
    }
  }

  #write(path: string, job: NotedJob): void {
    const owner = { pid: process.pid, startedAt: processEntry(process.pid)?.startedAt };
    const text = JSON.stringify({ host: hostname(), namespace: pidNamespace(), owner, ...job });
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  /** The job has ended. */
  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }
}

/** Removes the notes of jobs that have ended, whose azmutex is dead, now and again, until the returned call. */
export function forgetEndedJobs(directory: string | undefined): () => void {
  if (directory === undefined || !hasProcessTable()) return () => undefined;
  const look = (): void => {
    try {
      for (const name of readdirSync(directory)) if (NOTE.test(name)) forgetIfEnded(join(directory, name));
    } catch {
      // Without a list of all processes every job may run.
    }
  };
  look();
  return every(LOOK_EVERY_MS, look);
}

function forgetIfEnded(path: string): void {
  const { host, namespace, owner, mark, roots } = Object(JSON.parse(readFileSync(path, "utf8")));
  if (host !== hostname() || namespace === undefined || namespace !== pidNamespace() || !Array.isArray(roots)) return;
  const found = processEntry(owner.pid);
  if (found?.startedAt === owner.startedAt && found?.isRunning) return;
  // Another user's processes may be hidden, and their groups are not.
  if (roots.some(isGroup)) return;
  const isOfJob = ({ pid, group, session }: { pid: number; group: number; session: number }): boolean =>
    [pid, group, session].some((number) => roots.includes(number)) ||
    (mark !== undefined && marksIn(variableOf(pid, MARK)).includes(mark));
  if (!processTable().some((entry) => entry.isRunning && isOfJob(entry))) rmSync(path, { force: true });
}

function isGroup(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
