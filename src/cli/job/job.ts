import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Holding } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { CommandError, EXIT, shortageIn, signalled } from "../exit-codes.ts";
import { isInBackground } from "../terminal/foreground.ts";
import { STDIN } from "../terminal/streams.ts";
import { terminal } from "../terminal/terminal.ts";
import { every, later, machineMs, pause } from "../time.ts";
import { isEnvironmentText, spawnWithBytes } from "./environment-bytes.ts";
import { MARK, newMark, withMark } from "./job-mark.ts";
import { JobProcesses, type JobRoot } from "./job-processes.ts";
import { processEntry, programOf } from "./process-table.ts";
import { renewalOverdue, renewedTooLate } from "./renewal-overdue.ts";
import type { SignalRelay, SignalTarget } from "./signal-relay.ts";
import { TerminalReader } from "./terminal-reader.ts";
import { Watchdog } from "./watchdog.ts";

/** How often the watchdog is told until when the lock is good. */
const TELL_EVERY_MS = 250;
/** The watchdog asks the job to stop so much later than this process, which then knows that it was asked. */
const WATCHDOG_LAG_MS = 250;
/** So shortly before the watchdog asks the job to stop this process leaves it to the watchdog. */
const WATCHDOG_TURN_MS = 50;
/** How often to look whether what the job left behind has ended. */
const CHECK_LEFT_EVERY_MS = 100;
/** How long they may take to follow the job before a word is said. */
const QUIETLY_MS = 1_000;
/** How long the dead may take to go. */
const GONE_WITHIN_MS = 2_000;
const UNWATCHED = "the process that would have stopped the command in time has died";
/** How many processes are named. */
const MOST_PROCESSES = 5;

export interface JobOptions {
  /** The command and its arguments. */
  readonly command: readonly string[];
  /** What is set in its environment, or unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long it has to stop, in milliseconds. */
  readonly graceMs: number;
  readonly relay: SignalRelay;
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
    while (holding.isUncertain) await pause(CHECK_LEFT_EVERY_MS);
    const { termAt, goodUntil } = allowance(holding, options.graceMs);
    // This process may have been stopped since the lock was won.
    if (goodUntil <= machineMs()) holding.assertHeld();
    watchdog.allow(termAt, goodUntil);
    return await new Job(holding, options, watchdog, await start(options, mark), mark).ended();
  } finally {
    watchdog.dismiss();
    letStop();
  }
}

class Job {
  readonly #holding: Holding;
  readonly #options: JobOptions;
  readonly #watchdog: Watchdog;
  readonly #processes: JobProcesses;
  readonly #reader: TerminalReader;
  readonly #exit: Promise<number>;
  /**
   * Until when the lock was good when the watchdog was last told, and when that asks the job to stop unless it is told
   * anew.
   */
  #goodUntil = 0;
  #termAt = Number.POSITIVE_INFINITY;
  /** Why it is not to go on. */
  #stopped: { readonly why: string; readonly exitCode: number } | undefined;
  #cancelStop = (): void => undefined;
  #cancelKill = (): void => undefined;
  #hasSaidWhatIsUnknown = false;

  constructor(
    holding: Holding,
    options: JobOptions,
    watchdog: Watchdog,
    { root, exit, readsTerminal }: Started,
    mark: string,
  ) {
    this.#holding = holding;
    this.#options = options;
    this.#watchdog = watchdog;
    this.#exit = exit;
    this.#processes = new JobProcesses(mark, root);
    this.#reader = new TerminalReader(this.#processes, readsTerminal);
    watchdog.guard(root);
    this.#tell();
  }

  async ended(): Promise<number> {
    const { signal } = this.#holding;
    const { relay } = this.#options;
    const onLoss = (): void =>
      this.#stop(signal.reason instanceof Error ? signal.reason.message : "the lock is lost", EXIT.lost);
    const stopTelling = every(TELL_EVERY_MS, () => {
      this.#tell();
      // Elsewhere it takes a process to look.
      if (this.#processes.hasTable) this.#reader.look();
    });
    const detach = relay.attach(this.#asTarget());
    relay.asked.addEventListener("abort", this.#sayWhatIsUnknown, { once: true });
    signal.addEventListener("abort", onLoss);
    if (signal.aborted) onLoss();
    const onUnwatched = (): void => this.#stop(UNWATCHED, EXIT.internal, { isWatched: false });
    void this.#watchdog.died.then(onUnwatched);
    try {
      const code = await this.#exit;
      // The watchdog may have stopped it while this process was not able to see why.
      this.#stopUnlessRenewed();
      await this.#outlast();
      if (this.#stopped)
        throw new CommandError(`${this.#stopped.why}: the command ${stoppedWith(code)}`, this.#stopped.exitCode);
      return code;
    } finally {
      stopTelling();
      this.#cancelStop();
      this.#cancelKill();
      signal.removeEventListener("abort", onLoss);
      relay.asked.removeEventListener("abort", this.#sayWhatIsUnknown);
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
    if (machineMs() >= this.#termAt) this.#stopUnlessRenewed();
    const { remainingMs } = this.#holding;
    // What the watchdog was told before stands: nothing was renewed since.
    if (this.#stopped || remainingMs <= 0) return;
    const { graceMs } = this.#options;
    const { termAt, goodUntil } = allowance(this.#holding, graceMs);
    this.#goodUntil = goodUntil;
    this.#termAt = termAt;
    this.#watchdog.allow(termAt, goodUntil);
    this.#cancelStop();
    this.#cancelStop = later(remainingMs - graceMs, () => this.#stopUnlessRenewed());
  }

  #stopUnlessRenewed(): void {
    const why = renewalOverdue(this.#holding, this.#options.graceMs);
    // If this process was held up, the watchdog has asked the job to stop, whatever was renewed since.
    if (why === undefined && machineMs() < this.#termAt) return;
    this.#stop(why ?? renewedTooLate(this.#holding.key), EXIT.lost);
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
    const now = machineMs();
    const killAt = Math.max(now, Math.min(now + this.#options.graceMs, this.#goodUntil));
    // If this process was held up, the watchdog has asked it, or is about to.
    const isTheWatchdogs = isWatched && now >= this.#termAt - WATCHDOG_TURN_MS;
    // Told before the job is asked: to ask takes a while on a busy machine.
    this.#watchdog.allow(isTheWatchdogs ? this.#termAt : killAt, killAt);
    if (!isTheWatchdogs) this.#processes.stop();
    this.#cancelKill = later(killAt - now, () => this.#kill());
  }

  /** Kills the job repeatedly: a process may have started another as it was killed. */
  #kill(): void {
    this.#processes.kill();
    this.#cancelKill = later(CHECK_LEFT_EVERY_MS, () => this.#kill());
  }

  /**
   * Nothing of the job may go on without the lock: what it started and left behind is waited for, or stopped as the job
   * itself is.
   */
  async #outlast(): Promise<void> {
    const sayAt = machineMs() + QUIETLY_MS;
    let hasSaid = false;
    let goneBy = Number.POSITIVE_INFINITY;
    while (this.#processes.isAlive) {
      if (machineMs() >= goneBy) {
        terminal.say(`azmutex: some of the command's processes could not be stopped${this.#left()}`);
        return;
      }
      await pause(CHECK_LEFT_EVERY_MS);
      if (!this.#stopped && !hasSaid && machineMs() > sayAt) {
        hasSaid = true;
        terminal.say(
          "azmutex: the command has ended, but processes it started have not; the lock is held until they have",
        );
        if (this.#processes.hasTable) terminal.say(`azmutex: still there${this.#left()}`);
      }
      if (this.#stopped && goneBy === Number.POSITIVE_INFINITY)
        goneBy = Math.max(machineMs(), this.#goodUntil) + GONE_WITHIN_MS;
    }
  }

  /** `: 4123 (sh), 4130 (sleep)` */
  #left(): string {
    const { pids } = this.#processes;
    const named = pids.slice(0, MOST_PROCESSES).map((pid) => `${pid} (${printable(programOf(pid) ?? "gone")})`);
    if (pids.length > MOST_PROCESSES) named.push("...");
    return named.length > 0 ? `: ${named.join(", ")}` : "";
  }

  readonly #sayWhatIsUnknown = (): void => {
    if (this.#processes.hasTable || this.#hasSaidWhatIsUnknown) return;
    this.#hasSaidWhatIsUnknown = true;
    const known = process.platform === "win32" ? "the command itself" : "the command's process group";
    terminal.say(
      `azmutex: without Linux's /proc only ${known} can be stopped and waited for; other processes of it may work on`,
    );
  };
}

/** Until when the lock is good, and when the watchdog is to ask the job to stop, by the machine's clock. */
function allowance({ remainingMs }: Holding, graceMs: number): { readonly termAt: number; readonly goodUntil: number } {
  const goodUntil = machineMs() + remainingMs;
  return { termAt: goodUntil - graceMs + WATCHDOG_LAG_MS, goodUntil };
}

/**
 * What became of a command that was asked to stop: it may have ended by itself just before, or have had the time to
 * clean up.
 */
function stoppedWith(code: number): string {
  return code === signalled("SIGTERM") || code === signalled("SIGKILL") ? "was stopped" : `ended with ${code}`;
}

/** A command that runs. */
interface Started {
  readonly root: JobRoot;
  /** Its exit code, or 128 and the number of the signal that ended it. */
  readonly exit: Promise<number>;
  /** Whether its standard input is a terminal. */
  readonly readsTerminal: boolean;
}

async function start({ command: [file = "", ...args], env }: JobOptions, mark: string): Promise<Started> {
  try {
    // A group of its own, so that its children are reached too; a terminal's signals come by way of us.
    const detached = process.platform !== "win32";
    const marks = withMark(process.env[MARK], mark);
    const added = { ...env, [MARK]: marks };
    // In the background it has no input, as in a shell without job control.
    const input = isInBackground(STDIN) ? "ignore" : "inherit";
    const stdio = [input, "inherit", "inherit"] as const;
    const readsTerminal = terminal.isInput && input === "inherit";
    const child = isEnvironmentText()
      ? spawn(file, args, { stdio: [...stdio], detached, env: { ...process.env, ...added } })
      : spawnWithBytes(file, args, { stdio, detached, added });
    const exit = new Promise<number>((resolve) => {
      child.on("exit", (code, signal) => resolve(signal ? signalled(signal) : (code ?? EXIT.internal)));
    });
    // A child that has died keeps its pid until this process has asked for its end, in a later turn.
    if (child.pid !== undefined)
      return { root: { pid: child.pid, startedAt: processEntry(child.pid)?.startedAt }, exit, readsTerminal };
    const [error] = await once(child, "error");
    throw error;
  } catch (error) {
    throw unstartable(file, error);
  }
}

function unstartable(file: string, error: unknown): CommandError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || file === "")
    return new CommandError(`${JSON.stringify(file)}: command not found`, EXIT.notFound);
  const why = code === "EACCES" || code === "ENOEXEC" ? "not executable" : `could not be started: ${message}`;
  return new CommandError(`${JSON.stringify(file)}: ${why}`, shortageIn(error) ? EXIT.system : EXIT.notExecutable);
}
