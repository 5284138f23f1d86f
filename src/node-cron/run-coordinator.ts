import { type Lock, type Mutex, Once, type OnceOptions, type OnceResult } from "../index.ts";

/** How the fires of tasks are kept apart. The options of {@link Once} are those of each task's job. */
export interface OnceRunCoordinatorOptions extends Omit<OnceOptions, "whileRunning" | "afterFailure"> {
  /** What the keys begin with; the task's name follows. Default: `node-cron/`. */
  prefix?: string | undefined;
}

/** A fire as node-cron names it: the task, a colon, the time in ISO 8601. */
const FIRE = /^(.*):(\d{4}-\d\d-\d\dT[\d:.]+Z)$/s;
/** The name that node-cron gives a task without one: it is another one in each process. */
const RANDOM_NAME = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A fire that this process runs. */
interface RunningFire {
  readonly lock: Lock;
  readonly task: string;
  /** The task's function has ended. Resolves when that is recorded. */
  readonly complete: () => Promise<void>;
}

/**
 * A `RunCoordinator` for node-cron 4.4 and later: each fire of a task runs in one of all processes, whatever their
 * clocks say. The fires of one task are the slots of one {@link Once}.
 *
 * Costs a process that does not run the fire 1 to 3 requests, and the one that does 3 more than a lock and unlock. It
 * fails closed: without an answer of the service no process runs the fire, and node-cron logs the error. A task needs a
 * `name`, which all processes give it alike.
 *
 * **node-cron tells no coordinator whether a task has failed:** the fire then counts as done. A fire whose process dies
 * is not run again, as no process asks for it later.
 *
 * @example
 * ```ts
 * import { OnceRunCoordinator } from "azmutex/node-cron";
 * import { schedule, setRunCoordinator } from "node-cron";
 *
 * setRunCoordinator(new OnceRunCoordinator(mutex));
 * schedule("0 3 * * *", () => console.log("in one process"), { name: "nightly", distributed: true });
 * ```
 */
export class OnceRunCoordinator {
  readonly #mutex: Mutex;
  readonly #prefix: string;
  readonly #options: OnceOptions;
  readonly #jobs = new Map<string, Once>();
  /** By node-cron's keys. */
  readonly #running = new Map<string, RunningFire>();

  /** Throws `RangeError` or `TypeError` for options that do not fit. Sends nothing. */
  constructor(mutex: Mutex, { prefix = "node-cron/", ...options }: OnceRunCoordinatorOptions = {}) {
    this.#mutex = mutex;
    this.#prefix = prefix;
    this.#options = options;
    // Options that are wrong are an error now, and not at the first fire.
    this.#jobOf("task");
  }

  /**
   * Whether this process runs the fire. Called by node-cron. A fire that comes early by this machine's clock is waited
   * for, up to a minute. The time to live is ignored: the lease is renewed for as long as the task runs.
   *
   * @throws As {@link Once.run} does, and `TypeError` for a task without a name.
   */
  async shouldRun(key: string, _ttlMs: number): Promise<boolean> {
    const [, task = "", time = ""] = FIRE.exec(key) ?? [];
    if (task === "" || RANDOM_NAME.test(task))
      throw new TypeError(`a distributed task needs a name, the same in every process, for ${JSON.stringify(key)}`);
    const job = this.#jobOf(task);
    return await new Promise<boolean>((resolve, reject) => {
      const ran: Promise<OnceResult<void>> = job.run(new Date(time), (lock) =>
        this.#runs(key, { lock, task, ran: () => ran, begun: resolve }),
      );
      ran.then(({ outcome }) => outcome === "ran" || resolve(false), reject);
    });
  }

  /**
   * The task's function has ended. Called by node-cron.
   *
   * @throws `LockLostError` if the lock was lost meanwhile: another process may have run a later fire beside it.
   */
  async onComplete(key: string): Promise<void> {
    await this.#running.get(key)?.complete();
  }

  /**
   * The lock under which a task runs in this process, for its `signal` and `fencingToken`. Undefined if it does not.
   *
   * @param task - The task's name.
   */
  lockOf(task: string): Lock | undefined {
    return [...this.#running.values()].find((fire) => fire.task === task)?.lock;
  }

  /** The work of the slot: it lasts until node-cron says that the task has ended. */
  #runs(
    key: string,
    { lock, task, ran, begun }: { lock: Lock; task: string; ran: () => Promise<unknown>; begun: (runs: true) => void },
  ): Promise<void> {
    return new Promise<void>((finish) => {
      const complete = async (): Promise<void> => {
        this.#running.delete(key);
        finish();
        await ran();
      };
      this.#running.set(key, { lock, task, complete });
      begun(true);
    });
  }

  #jobOf(task: string): Once {
    const job = this.#jobs.get(task) ?? new Once(this.#mutex, `${this.#prefix}${task}`, this.#options);
    this.#jobs.set(task, job);
    return job;
  }
}
