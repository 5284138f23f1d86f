import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LockBlob } from "../../lease/lock-blob.ts";
import type { MutexContext } from "../../lease/mutex-context.ts";
import { isUnsure } from "../../lease/retry.ts";
import type { StandingLease } from "../../lease/standing-lease.ts";
import { wallTime } from "../../time/clock.ts";
import type { ProcessIdentity } from "../process-identity.ts";
import { isDead } from "./proof-of-death.ts";
import { hasJob, kindOfFile, readState, socketOf } from "./state-file.ts";

/** How many releases are under way at once. */
const CONNECTIONS = 50;
/** After so long nothing stands any more of what cannot be proved. In milliseconds. */
const OUTDATED_MS = 86_400_000;

export interface PredecessorsOptions {
  readonly mutex: MutexContext;
  readonly directory: string;
  readonly here: ProcessIdentity;
  /** How long one release may take before it counts as unanswered, in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** The dead processes that have left a state file in the directory. */
export class Predecessors {
  readonly #options: PredecessorsOptions;
  #looking: Promise<void> | undefined;

  constructor(options: PredecessorsOptions) {
    this.#options = options;
  }

  /**
   * Releases what dead processes had, each lease by its id, so that no lease of another process can be meant. Deletes
   * the files of a process whose releases were all answered. Never rejects.
   */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { directory, mutex } = this.#options;
    try {
      const names = await readdir(directory);
      for (const name of names) {
        const kind = kindOfFile(name);
        if (kind === undefined) continue;
        const isAnswered = kind === "state" && !hasJob(name, names) && (await this.#isAnswered(name));
        if (isAnswered) await this.#delete(name, socketOf(name));
        else await this.#deleteOutdated(name);
      }
    } catch (error) {
      mutex.log(`what other processes have left in ${directory} could not be read: ${String(error)}`);
    }
  }

  /** Whether the process is dead, and the service has answered the release of all that it had here. */
  async #isAnswered(name: string): Promise<boolean> {
    const { directory, here, mutex } = this.#options;
    const record = await readState(directory, name);
    if (!record || record.address !== mutex.address?.name || !(await isDead(record, here, directory))) return false;
    const { leases, process: dead } = record;
    let answers = 0;
    for (let first = 0; first < leases.length; first += CONNECTIONS) {
      const answered = await Promise.all(leases.slice(first, first + CONNECTIONS).map((lease) => this.#release(lease)));
      answers += answered.filter(Boolean).length;
    }
    mutex.log(`process ${dead.pid} is dead: ${answers} of its ${leases.length} leases are released`);
    return answers === leases.length;
  }

  /** Whether there was an answer. That the lease is not that process's any more is one. */
  async #release({ name, leaseId }: StandingLease): Promise<boolean> {
    const { mutex, requestTimeoutMs } = this.#options;
    try {
      await new LockBlob(mutex, { key: name }, requestTimeoutMs).release(leaseId);
      return true;
    } catch (error) {
      return !isUnsure(error);
    }
  }

  /** First the socket: a state file without one proves less. */
  async #delete(...names: readonly [file: string, socket: string]): Promise<void> {
    for (const name of names.toReversed()) await rm(join(this.#options.directory, name), { force: true });
  }

  /** What no process can prove any more is of no use. A process that lives writes its file again. */
  async #deleteOutdated(name: string): Promise<void> {
    const path = join(this.#options.directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (wallTime() - mtimeMs > OUTDATED_MS) await rm(path, { force: true });
  }
}
