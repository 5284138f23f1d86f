import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { complaintOf, hasEnded, kill } from "../../shared/child-process.ts";
import { runningChildrenOf, until } from "../../shared/processes.ts";
import { PROJECT } from "../../shared/project.ts";
import type { MachineClock } from "../machine-clock.ts";
import type { Job, Report } from "../messages.ts";
import { WorkerProcess } from "../worker-process.ts";
import type { Launch, SeatProcess } from "./seat.ts";

const CLI = fileURLToPath(new URL("dist/cli/main.js", PROJECT));
const JOB = fileURLToPath(new URL("./job.js", import.meta.url));

/** A container without a network of its own: its processes see each other and nothing of the machine's. */
const CONTAINER = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--uts", "--ipc", "--kill-child"];

/** A worker that uses the library, as the only child of a wrapper or of this process. */
export function asWorker(clock: MachineClock, wrapper: readonly string[] = []): Launch {
  return async (job, onMove) => {
    const started = new WorkerProcess(job, (_actor, isIn) => onMove(isIn), wrapper);
    await Promise.race([started.ready, started.ended]);
    started.send({ kind: "go", epoch: clock.epoch });
    return started;
  };
}

/** A worker that is the first process of a container. */
export function asContainer(clock: MachineClock): Launch {
  return asWorker(clock, CONTAINER);
}

/** Exit codes of `azmutex run`: done; and no answer or lost, where the machine stands still for longer than a lease. */
const EXPECTED: ReadonlySet<number | null> = new Set([0, 69, 79]);

/** How often a pid is tried to be used again. */
const TRIES = Array.from({ length: 20 }, (_, n) => n).join(" ");

/** A pid namespace in which processes come and go. */
export class PidNamespace implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<PidNamespace> {
    const child = spawn("unshare", [...CONTAINER.slice(1), "sleep", "infinity"], { stdio: "ignore" });
    const started = new PidNamespace(child);
    await until(() => runningChildrenOf(child.pid ?? 0).length > 0, "a pid namespace has a first process");
    return started;
  }

  /** Starts a command in it, as its own only child. */
  get entry(): readonly string[] {
    return ["nsenter", "--target", String(this.#first), "--pid", "--mount"];
  }

  /** The pid that a process has inside. */
  pidInside(pid: number): number {
    return Number(/^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  }

  /**
   * Starts a process that has this pid inside and lives for some seconds. Returns whether it has: a thread of another
   * process may have got it first.
   */
  async hasStartedAs(pid: number): Promise<boolean> {
    const attempt = `echo ${pid - 1} > /proc/sys/kernel/ns_last_pid; sleep 20 & [ $! = ${pid} ] && exit 0; kill $!`;
    const [command = "", ...args] = [...this.entry, "sh", "-c", `for n in ${TRIES}; do ${attempt}; done; exit 1`];
    return (await once(spawn(command, args, { stdio: "ignore" }), "exit"))[0] === 0;
  }

  get #first(): number {
    return runningChildrenOf(this.#child.pid ?? 0)[0] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#child);
  }
}

/** `azmutex run` with a job that says what it does on its standard output. */
export function asCommand(clock: MachineClock): Launch {
  return async (job, onMove) => new CommandProcess(job, clock, onMove);
}

class CommandProcess implements SeatProcess {
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  #isDoomed = false;

  constructor(job: Job, clock: MachineClock, onMove: (isIn: boolean) => void) {
    const key = job.actors[0]?.key ?? "";
    const lease = ["--lease", `${job.leaseSeconds}s`, "--container", job.containerName];
    const child = spawn(process.execPath, [CLI, "run", key, ...lease, "--", process.execPath, JOB], {
      env: {
        ...process.env,
        AZURE_STORAGE_CONNECTION_STRING: job.connectionString,
        CHAOS_JOB: JSON.stringify({ ...job, epoch: clock.epoch }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const said = complaintOf(child);
    createInterface({ input: child.stdout }).on("line", (line) => onMove((JSON.parse(line) as Report).kind === "in"));
    // Its job, which has the same pipes, may live on: `exit`, and not `close`.
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) =>
        resolve(
          this.#isDoomed || EXPECTED.has(code) ? undefined : `${job.worker} ended with ${signal ?? code}: ${said()}`,
        ),
      );
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return hasEnded(this.#child);
  }

  kill(): void {
    this.#isDoomed = true;
    this.#child.kill("SIGKILL");
  }

  stop(): void {
    this.#child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child.kill("SIGCONT");
  }

  /** A job decides by itself how long it takes. */
  send(): void {}
}
