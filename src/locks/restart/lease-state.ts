import type { Operation } from "../../store/operation.ts";
import { type Clock, Stopwatch } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import { thisProcessIdentity } from "../process-identity.ts";
import { OwnState } from "./own-state.ts";
import { Predecessors, type PredecessorsOptions } from "./predecessors.ts";
import { isLocal } from "./proof-of-death.ts";

/** How often to look for dead processes at most, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** The state directory of a mutex: what this process has there, and what others have left. */
export class LeaseState {
  readonly #own: OwnState;
  readonly #others: Predecessors;
  readonly #clock: Clock;
  #sinceLook: Stopwatch;

  private constructor(own: OwnState, others: Predecessors, clock: Clock) {
    this.#own = own;
    this.#others = others;
    this.#clock = clock;
    this.#sinceLook = new Stopwatch(clock);
  }

  /** Releases what dead processes have left. Undefined where this machine cannot prove a death. */
  static async begin(options: Omit<PredecessorsOptions, "here">): Promise<LeaseState | undefined> {
    const { mutex, directory } = options;
    const here = thisProcessIdentity();
    if (!here) {
      mutex.log(`nothing is kept in ${directory}: only Linux tells, in /proc, which process is dead`);
      return undefined;
    }
    if (!(await isLocal(directory))) {
      mutex.log(`nothing is kept in ${directory}: other machines may use its file system, too`);
      return undefined;
    }
    const own = new OwnState({ mutex, directory, here });
    const others = new Predecessors({ ...options, here });
    await others.look();
    return new LeaseState(own, others, mutex.clock);
  }

  /** Waits until the leases of the blob are written down, if they are to be acquired. Undefined if they are. */
  before(operation: Operation, blob: string | undefined): Promise<void> | undefined {
    const isWaiting = operation === "acquire" || operation.startsWith("list");
    if (isWaiting) this.#lookNowAndThen();
    return operation === "acquire" && blob !== undefined ? this.#own.has(blob) : undefined;
  }

  /** In the background: the next poll finds what was released. */
  #lookNowAndThen(): void {
    if (this.#sinceLook.elapsedMs < LOOK_EVERY_MS) return;
    this.#sinceLook = new Stopwatch(this.#clock);
    void inRootContext(() => this.#others.look());
  }
}
