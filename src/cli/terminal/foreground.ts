import { spawnSync } from "node:child_process";
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { hasProcessTable, type ProcessEntry, processEntry, processTable } from "../job/process-table.ts";

/** The device /dev/tty: whichever terminal controls the process. */
const OWN_TERMINAL = 0x500;
const LONGEST_PS_MS = 2_000;

/**
 * Whether a stream (0, 1, 2) is a terminal whose foreground is another's: what is typed there is not meant for this
 * process, and the cursor is not its own. The kernel knows for each process with that controlling terminal. A process
 * without one, in a session of its own, is where the ancestor that started the session is. Elsewhere than on Linux only
 * a process with a controlling terminal is told. Throws without a free file descriptor.
 */
export function isInBackground(stream: number): boolean {
  if (process.platform === "win32" || !isatty(stream)) return false;
  return hasProcessTable() ? isInBackgroundByTable(stream) : isInBackgroundByPs();
}

function isInBackgroundByTable(stream: number): boolean {
  const own = processEntry(process.pid);
  const { rdev } = fstatSync(stream);
  const device = rdev === OWN_TERMINAL ? own?.terminal : rdev;
  const onTerminal = own && nearest(own, (entry) => entry.terminal === device);
  if (onTerminal) return onTerminal.group !== onTerminal.foreground;
  // No process that waits for this one is on that terminal. Those that are there type to each other.
  return processTable().some((entry) => entry.terminal === device);
}

/** The process itself or the nearest ancestor of which this is so. */
function nearest(from: ProcessEntry, isSo: (entry: ProcessEntry) => boolean): ProcessEntry | undefined {
  for (let entry: ProcessEntry | undefined = from; entry; entry = processEntry(entry.parent))
    if (isSo(entry)) return entry;
  return undefined;
}

function isInBackgroundByPs(): boolean {
  const { stdout } = spawnSync("ps", ["-o", "pgid=,tpgid=", "-p", String(process.pid)], {
    encoding: "utf8",
    timeout: LONGEST_PS_MS,
  });
  const [group = 0, foreground = 0] = (stdout ?? "").trim().split(/\s+/).map(Number);
  return foreground > 0 && group !== foreground;
}
