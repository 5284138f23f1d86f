import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** What names one process for ever, on one machine. */
export interface ProcessIdentity {
  /** The name of the machine, or of the pod. */
  readonly host: string;
  /** The kernel's. Each boot has another one. */
  readonly bootId: string;
  /** In which its pid and its start count. */
  readonly namespaces: string;
  readonly pid: number;
  /** When it was started, in ticks since the machine was. */
  readonly startedAt: number;
}

/**
 * When this process was started, in ticks since the machine was: with its pid that names it for as long as the machine
 * runs. Undefined where Linux does not say, or numbers processes otherwise than this process does.
 */
export function ownStart(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    // /proc may be that of another PID namespace.
    return readlinkSync("/proc/self") === String(process.pid) ? processState("self").startedAt : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where the machine does not name its processes so. */
export function thisProcessIdentity(): ProcessIdentity | undefined {
  const startedAt = ownStart();
  if (startedAt === undefined) return undefined;
  try {
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const namespaces = `${readlinkSync("/proc/self/ns/pid")} ${timeNamespace()}`;
    return { host: hostname(), bootId, namespaces, pid: process.pid, startedAt };
  } catch {
    return undefined;
  }
}

/** Whether the process is dead, for certain. To be asked of a process of the same namespaces alone. */
export function isGone({ pid, startedAt }: Pick<ProcessIdentity, "pid" | "startedAt">): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process may be hidden in /proc, and is there.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
  }
  try {
    const now = processState(pid);
    return now.startedAt !== startedAt || !now.isRunning;
  } catch {
    return false;
  }
}

/** Starts of processes are told by the clock of the reader's namespace. Older kernels have one for all. */
function timeNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/time");
  } catch {
    return "";
  }
}

/** Throws where there is no such process, or none for this user's eyes. */
function processState(pid: number | "self"): { readonly startedAt: number; readonly isRunning: boolean } {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name, in parentheses, may contain anything. After it: the state; the 20th field counts threads, the 22nd is the
  // start.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, threads, startedAt] = [fields[0], Number(fields[17]), Number(fields[19])];
  if (!Number.isInteger(startedAt)) throw new TypeError(`/proc/${pid}/stat has another form`);
  // A dead process stays in the list until its parent has asked for it. The first thread may end before the others.
  return { startedAt, isRunning: (state !== "Z" && state !== "X") || threads > 1 };
}
