import type { Holding } from "../../index.ts";
import { CommandError, EXIT, signalled } from "../exit-codes.ts";
import { terminal } from "../terminal/terminal.ts";
import { every, later, machineMs, pause } from "../time.ts";
import { allowance, type DeadlineOptions, JobDeadline } from "./job-deadline.ts";
import { newMark } from "./job-mark.ts";
import { JobNote } from "./job-note.ts";
import { JobProcesses } from "./job-processes.ts";
import { type StartedJob, type StartOptions, startJob } from "./job-start.ts";
import { outlast } from "./left-behind.ts";
import type { SignalRelay, SignalTarget } from "./signal-relay.ts";
import { TerminalReader } from "./terminal-reader.ts";
import { Watchdog } from "./watchdog.ts";

/** How often the watchdog is told until when the lock is good. */
const TELL_EVERY_MS = 250;
/** How often a job is killed that is not gone, and how often to look whether the time that it has is known. */
const AGAIN_MS = 100;
const UNWATCHED = "the process that would have stopped the command in time has died";

export interface JobOptions extends StartOptions, DeadlineOptions {
  readonly relay: SignalRelay;
  /** The directory in which the job is noted, if there is one. */
  readonly stateDir?: string | undefined;
}

/**
 * Runs the command for as long as the lock is held. Resolves with its exit code, or 128 and the number of the signal
 * that ended it; throws a {@link CommandError} if it could not be started or had to be stopped.
 */
export async function runJob(holding: Holding, options: JobOptions): Promise<number> {
  const letStop = options.relay.keepRunning();
  // Before the job, which must never be without it.
  const watchdog = new Watchdog();
  try {
    await watchdog.started();
    const mark = newMark(holding.key);
    // This process may be stopped or killed before it can say which process the job is.
    watchdog.expect(mark);
    // If the machine slept meanwhile, nothing is known yet of the time that the job has.
    while (holding.isUncertain) await pause(AGAIN_MS);
    const { termAt, goodUntil } = allowance(holding, options.graceMs);
    // This process may have been stopped since the lock was won.
    if (goodUntil <= machineMs()) holding.assertHeld();
    watchdog.allow(termAt, goodUntil);
    const note = new JobNote(options.stateDir, { mark, roots: [] });
    try {
      const started = await startJob(options, mark);
      const job = new Job(holding, options, watchdog, started, mark);
      note.complete({ mark, roots: [started.root.pid] });
      return await job.ended();
    } finally {
      // It is gone, or was killed until the lock was not certain any more: its lease lapses.
      note.remove();
    }
  } finally {
    watchdog.dismiss();
    letStop();
  }
}

class Job {
  readonly #holding: Holding;
  readonly #relay: SignalRelay;
  readonly #watchdog: Watchdog;
  readonly #deadline: JobDeadline;
  readonly #processes: JobProcesses;
  readonly #reader: TerminalReader;
  readonly #exit: Promise<number>;
  /** Why it is not to go on. */
  #stopped: { readonly why: string; readonly exitCode: number } | undefined;
  #cancelKill = (): void => undefined;
  #hasSaidWhatIsUnknown = false;

  constructor(
    holding: Holding,
    options: JobOptions,
    watchdog: Watchdog,
    { root, exit, readsTerminal }: StartedJob,
    mark: string,
  ) {
    this.#holding = holding;
    this.#relay = options.relay;
    this.#watchdog = watchdog;
    this.#deadline = new JobDeadline(holding, options, watchdog, (why) => this.#stop(why, EXIT.lost));
    this.#exit = exit;
    this.#processes = new JobProcesses(mark, root);
    this.#reader = new TerminalReader(this.#processes, readsTerminal);
    watchdog.guard(root);
    this.#tell();
  }

  async ended(): Promise<number> {
    const { signal } = this.#holding;
    const onLoss = (): void =>
      this.#stop(signal.reason instanceof Error ? signal.reason.message : "the lock is lost", EXIT.lost);
    const stopTelling = every(TELL_EVERY_MS, () => {
      this.#tell();
      // Elsewhere it takes a process to look.
      if (this.#processes.hasTable) this.#reader.look();
    });
    const detach = this.#relay.attach(this.#asTarget());
    const onAsked = (): void => this.#sayWhatIsUnknown();
    this.#relay.asked.addEventListener("abort", onAsked, { once: true });
    signal.addEventListener("abort", onLoss);
    if (signal.aborted) onLoss();
    const onUnwatched = (): void => this.#stop(UNWATCHED, EXIT.internal, { isWatched: false });
    void this.#watchdog.died.then(onUnwatched);
    try {
      const code = await this.#exit;
      // The watchdog may have stopped it while this process was not able to see why.
      this.#deadline.check();
      await outlast(this.#processes, () => (this.#stopped ? this.#deadline.goodUntil : undefined));
      if (this.#stopped)
        throw new CommandError(`${this.#stopped.why}: the command ${stoppedWith(code)}`, this.#stopped.exitCode);
      return code;
    } finally {
      stopTelling();
      this.#deadline.cancel();
      this.#cancelKill();
      signal.removeEventListener("abort", onLoss);
      this.#relay.asked.removeEventListener("abort", onAsked);
      detach();
    }
  }

  #asTarget(): SignalTarget {
    return {
      end: (name) => {
        this.#processes.sendToAll(name);
        // A shell has it so as well: what else is sent to a stopped job waits until it goes on.
        if (name === "SIGTERM" || name === "SIGHUP") this.#reader.end();
      },
      pass: (name) => {
        if (name === "SIGCONT") this.#reader.look();
        if (!this.#reader.isPaused) this.#processes.send(name);
      },
      suspend: () => this.#reader.suspend(),
    };
  }

  #tell(): void {
    if (this.#deadline.isOver) this.#deadline.check();
    if (!this.#stopped) this.#deadline.tell();
  }

  /**
   * Asks the job to stop, and makes it when its grace, or the time for which the lock was good, is over. It is asked
   * once, by this process or by the watchdog: asked again, many a program drops everything.
   */
  #stop(why: string, exitCode: number, { isWatched = true }: { readonly isWatched?: boolean } = {}): void {
    if (this.#stopped) return;
    this.#stopped = { why, exitCode };
    this.#sayWhatIsUnknown();
    this.#reader.end();
    const { killInMs, isAsked } = this.#deadline.stop(isWatched);
    if (!isAsked) this.#processes.stop();
    this.#cancelKill = later(killInMs, () => this.#kill());
  }

  /** Kills the job repeatedly: a process may have started another as it was killed. */
  #kill(): void {
    this.#processes.kill();
    this.#cancelKill = later(AGAIN_MS, () => this.#kill());
  }

  #sayWhatIsUnknown(): void {
    if (this.#processes.hasTable || this.#hasSaidWhatIsUnknown) return;
    this.#hasSaidWhatIsUnknown = true;
    const known = process.platform === "win32" ? "the command itself" : "the command's process group";
    terminal.say(
      `azmutex: without Linux's /proc only ${known} can be stopped and waited for; other processes of it may work on`,
    );
  }
}

/**
 * What became of a command that was asked to stop: it may have ended by itself just before, or have had the time to
 * clean up.
 */
function stoppedWith(code: number): string {
  return code === signalled("SIGTERM") || code === signalled("SIGKILL") ? "was stopped" : `ended with ${code}`;
}
