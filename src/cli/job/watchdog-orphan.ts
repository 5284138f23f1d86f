import { machineMs, pause } from "../time.ts";
import type { JobProcesses } from "./job-processes.ts";

/**
 * How long a job has to stop whose azmutex is dead, in milliseconds. It is short because nothing renews the lock any
 * more, and others wait.
 */
const ORPHAN_GRACE_MS = 500;
/** How often it is looked at whether the job is gone, and how long it is killed at most. In milliseconds. */
const LOOK_EVERY_MS = 50;
const KILL_FOR_MS = 2_000;

/** What is known of the job. */
interface OrphanOptions {
  /** Whether it was asked to stop already. */
  readonly isTermed: boolean;
  /** Whether its first process is known. Otherwise it may have none yet, and is looked for until its time is over. */
  readonly isRootKnown: boolean;
  /** When it is killed at the latest, by the machine's clock. */
  readonly killAt: number;
}

/** Ends a job whose azmutex is dead. Resolves with whether nothing of it is left. */
export async function endOrphan(
  job: Pick<JobProcesses, "stop" | "kill" | "isAlive">,
  { isTermed, isRootKnown, killAt }: OrphanOptions,
): Promise<boolean> {
  const graceEnds = Math.min(killAt, machineMs() + ORPHAN_GRACE_MS);
  if (!isTermed) job.stop();
  while ((job.isAlive || !isRootKnown) && machineMs() < graceEnds) await pause(LOOK_EVERY_MS);
  const enough = machineMs() + KILL_FOR_MS;
  // A job that seems to be gone is killed, too: a list of processes may miss one that was started meanwhile.
  for (job.kill(); job.isAlive; job.kill()) {
    if (machineMs() >= enough) return false;
    await pause(LOOK_EVERY_MS);
  }
  return true;
}
