import { randomUUID } from "node:crypto";

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
  return `${randomUUID()}:${process.pid}:${encodeURIComponent(key)}`;
}

/** The value of the variable for a job with this mark, started by a process in which it has the value `around`. */
export function withMark(around: string | undefined, mark: string): string {
  return around ? `${around}${BETWEEN}${mark}` : mark;
}

export function marksIn(value: string | undefined): readonly string[] {
  return value ? value.split(BETWEEN) : [];
}

/** The jobs in a value of the variable. A mark of another form names none. */
export function jobsIn(value: string | undefined): readonly MarkedJob[] {
  return marksIn(value).flatMap((mark) => {
    const [, pid, key] = mark.split(":");
    if (pid === undefined || key === undefined) return [];
    try {
      return { pid: Number(pid), key: decodeURIComponent(key) };
    } catch {
      return [];
    }
  });
}
