import { printable } from "../../status/printable.ts";
import { terminal } from "../terminal/terminal.ts";
import { machineMs, pause } from "../time.ts";
import type { JobProcesses } from "./job-processes.ts";
import { programOf } from "./process-table.ts";

/** How often to look whether what the job left behind has ended. */
const CHECK_EVERY_MS = 100;
/** How long they may take to follow the job before a word is said. */
const QUIETLY_MS = 1_000;
/** How long the dead may take to go. */
const GONE_WITHIN_MS = 2_000;
/** How many processes are named. */
const MOST_PROCESSES = 5;

/**
 * Waits until nothing of a job that has ended runs. Nothing of it may go on without the lock: what it started and left
 * behind is waited for, or stopped as the job itself is.
 *
 * @param stoppedBy - When all of it is killed at the latest, by the machine's clock. Undefined unless it is stopped.
 */
export async function outlast(processes: JobProcesses, stoppedBy: () => number | undefined): Promise<void> {
  const sayAt = machineMs() + QUIETLY_MS;
  let hasSaid = false;
  let goneBy = Number.POSITIVE_INFINITY;
  while (processes.isAlive) {
    if (machineMs() >= goneBy) {
      terminal.say(`azmutex: some of the command's processes could not be stopped${listOf(processes)}`);
      return;
    }
    await pause(CHECK_EVERY_MS);
    const killedAt = stoppedBy();
    if (killedAt === undefined && !hasSaid && machineMs() > sayAt) {
      hasSaid = true;
      terminal.say(
        "azmutex: the command has ended, but processes it started have not; the lock is held until they have",
      );
      if (processes.hasTable) terminal.say(`azmutex: still there${listOf(processes)}`);
    }
    if (killedAt !== undefined && goneBy === Number.POSITIVE_INFINITY)
      goneBy = Math.max(machineMs(), killedAt) + GONE_WITHIN_MS;
  }
}

/** `: 4123 (sh), 4130 (sleep)` */
function listOf({ pids }: JobProcesses): string {
  const some = pids.slice(0, MOST_PROCESSES).map((pid) => `${pid} (${printable(programOf(pid) ?? "gone")})`);
  if (pids.length > MOST_PROCESSES) some.push("...");
  return some.length > 0 ? `: ${some.join(", ")}` : "";
}
