/**
 * A process of its own that outlives the one that started it: it stops a job when the job's lock is not certain any
 * more, even where the starter is not able to. It is told over its standard input, one line each, and is killed when
 * the job has ended:
 *
 *   mark <id>               a job is about to be started, with this mark in its environment
 *   root <pid> [start]      the job's first process, and when it was forked, in ticks
 *   until <term> <kill>     when to send SIGTERM and SIGKILL, in milliseconds by the machine's clock
 *   release <command>       what releases the lock, as JSON. It is secret
 *
 * The end of its input means that the process that started it is dead: SIGTERM at once, and SIGKILL half a second
 * later. Once nothing of the job is left the lock is released.
 */

import { later, machineMs } from "../time.ts";
import { JobProcesses } from "./job-processes.ts";
import { endOrphan } from "./watchdog-orphan.ts";
import { type ReleaseCommand, Releaser } from "./watchdog-releaser.ts";

/** A timer does not count suspend: the clock is looked at so often at least. */
const CHECK_CLOCK_EVERY_MS = 500;
/** A process that did not look for so long was stopped: what it knows is old. */
const STOPPED_MS = 1_000;
/** The process that started it sends a line within this time, if it runs. In milliseconds. */
const NEWS_MS = 300;
/**
 * For how long, and how often, a job is killed again: a process may have started another as it was killed. In
 * milliseconds.
 */
const KILL_AGAIN_FOR_MS = 2_000;
const KILL_EVERY_MS = 50;
/** When to end if no job was spoken of by then: azmutex has failed in between. In milliseconds. */
const NO_JOB_MS = 10_000;

let mark: string | undefined;
let job: JobProcesses | undefined;
let isRootKnown = false;
let command: ReleaseCommand | undefined;
let termAt = Number.POSITIVE_INFINITY;
let killAt = Number.POSITIVE_INFINITY;
let killUntil: number | undefined;
let isTermed = false;
let isOrphan = false;
/** When it last looked at the clock. */
let awakeAt = machineMs();
/** Nothing is decided before. */
let newsBy = 0;
let cancel = (): void => undefined;

function look(): void {
  const now = wake();
  if (now < newsBy) {
    plan(newsBy - now);
    return;
  }
  if (now >= killAt) {
    job?.kill();
    killUntil ??= now + KILL_AGAIN_FOR_MS;
    // Otherwise azmutex may have more to tell.
    if (job?.isAlive && now < killUntil) plan(KILL_EVERY_MS);
    return;
  }
  if (now >= termAt && !isTermed) {
    isTermed = true;
    job?.stop();
  }
  plan((isTermed ? killAt : Math.min(termAt, killAt)) - now);
}

/**
 * The time. This process may have been stopped while the lock was renewed, and must not kill for what it heard before
 * that.
 */
function wake(): number {
  const now = machineMs();
  if (now - awakeAt > STOPPED_MS) newsBy = now + NEWS_MS;
  awakeAt = now;
  return now;
}

function plan(ms: number): void {
  cancel();
  cancel = later(Math.min(CHECK_CLOCK_EVERY_MS, ms), () => {
    // One turn later: what has come in meanwhile is read first.
    cancel = later(1, look);
  });
}

function obey(line: string): void {
  const [word, ...values] = line.split(" ");
  const [first = Number.NaN, second = Number.NaN] = values.map(Number);
  if (word === "mark") {
    mark = values[0] ?? "";
    // The mark suffices if azmutex has no time left to say which process the job is.
    job = new JobProcesses(mark);
  }
  if (word === "root" && mark !== undefined) {
    job = new JobProcesses(mark, { pid: first, startedAt: second || undefined });
    isRootKnown = true;
  }
  if (word === "until") {
    termAt = first;
    killAt = second;
    killUntil = undefined;
  }
  if (word === "release") command = JSON.parse(values.join(" ")) as ReleaseCommand;
  plan(Math.min(termAt, killAt) - wake());
}

async function orphaned(): Promise<void> {
  if (isOrphan) return;
  isOrphan = true;
  cancel();
  if (job === undefined) process.exit(0);
  // Of a job whose first process is not known nothing may be there yet.
  const releaser = isRootKnown && command ? new Releaser(command) : undefined;
  const isGone = await endOrphan(job, { isTermed, isRootKnown, killAt });
  if (isGone) await releaser?.release(killAt);
  else releaser?.dismiss();
  process.exit(0);
}

// A signal to the whole group, as a service manager sends at the end, is not meant for the watchdog.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const)
  process.on(signal, () => undefined);
later(NO_JOB_MS, () => {
  if (mark === undefined) process.exit(0);
});
let rest = "";
process.stdin.setEncoding("utf8").on("data", (text: string) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) obey(line);
});
process.stdin.on("end", orphaned).on("error", orphaned);
