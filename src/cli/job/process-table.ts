import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process as Linux lists it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** The number of its controlling terminal's device; 0 without one. */
  readonly terminal: number;
  /** The process group in the foreground of that terminal. */
  readonly foreground: number;
  /** When it was forked, in ticks since the machine started. With the pid it names a process for ever. */
  readonly startedAt: number;
  /** False for a process that is dead and that its parent has not asked for yet. */
  readonly isRunning: boolean;
  /** Whether a signal has stopped it. */
  readonly isStopped: boolean;
}

/** Whether this machine tells one process of the others: Linux does, where /proc is mounted for this PID namespace. */
export function hasProcessTable(): boolean {
  if (process.platform !== "linux") return false;
  try {
    return readlinkSync("/proc/self") === String(process.pid);
  } catch {
    return false;
  }
}

/**
 * All processes, or those with a pid above `after`. Throws what a read throws when this process has no file descriptor
 * left.
 */
export function processTable(after = 0): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) > after)
    .flatMap((pid) => processEntry(Number(pid)) ?? []);
}

/** Undefined when there is no such process, or no /proc. */
export function processEntry(pid: number): ProcessEntry | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // pid (name) state parent group session …, where the name may contain anything. The 20th field counts threads, the
  // 22nd is the start.
  const [state, ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent = 0, group = 0, session = 0, terminal = 0, foreground = 0, ...rest] = fields.map(Number);
  const [threads = 0, startedAt = 0] = [rest[11], rest[13]];
  // The first thread may have ended before the others.
  const isRunning = (state !== "Z" && state !== "X") || threads > 1;
  return { pid, parent, group, session, terminal, foreground, startedAt, isRunning, isStopped: state === "T" };
}

/** A process, its parent, that one's parent, and so on. Nothing if there is no such process, or no /proc. */
export function* lineage(pid: number): Generator<ProcessEntry, void, undefined> {
  for (let entry = processEntry(pid); entry; entry = processEntry(entry.parent)) yield entry;
}

/**
 * A variable of the environment a process was started with. Undefined without it, for a process that is gone, and for
 * another user's.
 */
export function variableOf(pid: number, name: string): string | undefined {
  const text = read(`/proc/${pid}/environ`);
  if (!text?.includes(`${name}=`)) return undefined;
  return text
    .split("\0")
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

/** The command line a process was started with, word by word. Empty for a process that is gone. */
export function argumentsOf(pid: number): readonly string[] {
  return read(`/proc/${pid}/cmdline`, "utf8")?.split("\0").slice(0, -1) ?? [];
}

/** How the command azmutex is called: by the link that npm makes, or by its file. */
const AZMUTEX = /(?:^|\/)(?:azmutex|cli\/main\.js)$/;
/** It stands after a runtime and its options. */
const MOST_WORDS_BEFORE = 4;

/** Whether a command line is that of an azmutex, as far as its words tell. */
export function isAzmutex(words: readonly string[]): boolean {
  return words.slice(0, MOST_WORDS_BEFORE).some((word) => AZMUTEX.test(word));
}

/** The namespace in which the pids of this process count. Undefined without /proc. */
export function pidNamespace(): string | undefined {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
  } catch {
    return undefined;
  }
}

/** The name of the program a process runs, without its arguments. */
export function programOf(pid: number): string | undefined {
  return read(`/proc/${pid}/comm`)?.trimEnd();
}

/** The pid that was given out last. */
export function lastPid(): number {
  return Number(read("/proc/loadavg")?.trimEnd().split(" ").at(-1));
}

function read(file: string, encoding: "latin1" | "utf8" = "latin1"): string | undefined {
  try {
    return readFileSync(file, encoding);
  } catch (error) {
    if (isOutOfFiles(error)) throw error;
    // Gone, or not for this user's eyes.
    return undefined;
  }
}

function isOutOfFiles(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EMFILE" || code === "ENFILE";
}
