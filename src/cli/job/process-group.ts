import { readdirSync, readFileSync } from "node:fs";

/** The variable of a job's environment by which its watchdog knows it. */
export const MARK = "AZMUTEX_JOB";

/** A job and its children, as far as they stay in its process group. Windows has none: there only the job itself is reached. */
export class ProcessGroup {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  /** The groups of the processes that bear this mark. Linux alone can tell. */
  static marked(mark: string): ProcessGroup[] {
    if (process.platform !== "linux") return [];
    const ids = processes().flatMap((pid) => (isMarked(pid, mark) ? (statOf(pid)?.group ?? []) : []));
    return [...new Set(ids)].map((id) => new ProcessGroup(id));
  }

  /** Whether there was anybody to send it to. */
  send(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(process.platform === "win32" ? this.id : -this.id, signal);
    } catch (error) {
      // On Linux it is another user's, and there; on macOS nothing may be left but the dead.
      return process.platform === "linux" && (error as NodeJS.ErrnoException).code === "EPERM";
    }
  }

  /** Asks all of it to end, whoever is stopped included. */
  stop(): void {
    this.send("SIGTERM");
    this.send("SIGCONT");
  }

  /** Whether a process of the group runs. One that has died and that its parent never asked for does not, but is there for ever. */
  get isAlive(): boolean {
    if (!this.send(0)) return false;
    return process.platform !== "linux" || processes().some((pid) => this.#runs(pid));
  }

  #runs(pid: string): boolean {
    const { group, state } = statOf(pid) ?? {};
    return group === this.id && state !== "Z" && state !== "X";
  }
}

function processes(): string[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
}

/** Undefined when it has gone meanwhile. */
function statOf(pid: string): { readonly state: string | undefined; readonly group: number } | undefined {
  try {
    // pid (name) state parent group …, where the name may contain anything.
    const [state, , group] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return { state, group: Number(group) };
  } catch {
    return undefined;
  }
}

function isMarked(pid: string, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK}=${mark}`);
  } catch {
    // Gone, or another user's.
    return false;
  }
}
