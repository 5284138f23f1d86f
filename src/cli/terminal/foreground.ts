import { spawnSync } from "node:child_process";
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { hasProcessTable, lineage, processEntry, processTable } from "../job/process-table.ts";

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
  const { rdev } = fstatSync(stream);
  const device = rdev === OWN_TERMINAL ? processEntry(process.pid)?.terminal : rdev;
  for (const { terminal, group, foreground } of lineage(process.pid))
    if (terminal === device) return group !== foreground;
  // No process that waits for this one is on that terminal. Those that are there type to each other.
  return processTable().some((entry) => entry.terminal === device);
}

function isInBackgroundByPs(): boolean {
  const { stdout } = spawnSync("ps", ["-o", "pgid=,tpgid=", "-p", String(process.pid)], {
    encoding: "utf8",
    timeout: LONGEST_PS_MS,
  });
  const [group = 0, foreground = 0] = (stdout ?? "").trim().split(/\s+/).map(Number);
  return foreground > 0 && group !== foreground;
}
