import { randomUUID } from "node:crypto";
import { pidNamespace } from "./process-table.ts";

/** The variable by which the processes of a job are known: the marks of all jobs it is part of, the outermost first. */
export const MARK = "AZMUTEX_JOB";

const BETWEEN = ",";

/** A job that a process is part of. */
export interface MarkedJob {
  /** The azmutex that runs the job. */
  readonly pid: number;
  readonly key: string;
}

/** A mark for a job of this process, which no other job has. */
export function newMark(key: string): string {
  return `${randomUUID()}:${process.pid}:${encodeURIComponent(key)}:${pidNamespace() ?? ""}`;
}

/** The value of the variable for a job with this mark, started by a process in which it has the value `around`. */
export function withMark(around: string | undefined, mark: string): string {
  return around ? `${around}${BETWEEN}${mark}` : mark;
}

export function marksIn(value: string | undefined): readonly string[] {
  return value ? value.split(BETWEEN) : [];
}

/** Tells whether the azmutex still runs that has this pid, and is of this namespace of pids where that is known. */
type IsThere = (pid: number, namespace: string | undefined) => boolean;

/** The jobs in a value of the variable, but for those whose azmutex is not there. A mark of another form names none. */
export function jobsIn(value: string | undefined, isThere: IsThere = () => true): readonly MarkedJob[] {
  return marksIn(value).flatMap((mark) => {
    const [, pid, key, namespace] = mark.split(":");
    if (pid === undefined || key === undefined) return [];
    if (!isThere(Number(pid), namespace || undefined)) return [];
    try {
      return { pid: Number(pid), key: decodeURIComponent(key) };
    } catch {
      return [];
    }
  });
}
