import { AsyncLocalStorage } from "node:async_hooks";
import { DeadlockError } from "../errors.ts";
import type { MutexContext } from "../lease/mutex-context.ts";
import { type Holding, type HoldingOrigin, type HoldingState, holdingState } from "./holding.ts";
import type { LockSpace } from "./lock-space.ts";

const runs = new AsyncLocalStorage<RunContext>();
let underWay = 0;

/** A `run` that is under way, for what runs below it in its async context. */
export class RunContext {
  readonly holding: Holding;
  readonly origin: HoldingOrigin;
  readonly state: HoldingState;
  #outer: RunContext | undefined;

  private constructor(holding: Holding, origin: HoldingOrigin) {
    this.holding = holding;
    this.origin = origin;
    this.state = holdingState(holding);
    this.#outer = runs.getStore();
  }

  /** Undefined where the mutex is not to know its runs. */
  static begin(holding: Holding, origin: HoldingOrigin): RunContext | undefined {
    if (!origin.space.asyncContext) return undefined;
    return new RunContext(holding, origin);
  }

  /** The next one around it that goes on. Those that have ended are forgotten: tasks may follow each other for ever. */
  get outer(): RunContext | undefined {
    while (this.#outer?.state.isReleased) this.#outer = this.#outer.#outer;
    return this.#outer;
  }

  /** Before Node 24 each promise costs more while any context is known. */
  async run<T>(work: () => Promise<T> | T): Promise<T> {
    underWay += 1;
    try {
      return await runs.run(this, work);
    } finally {
      underWay -= 1;
      if (underWay === 0) runs.disable();
    }
  }
}

/** The runs around this call that go on, the innermost first. */
function* runsAround(): Iterable<RunContext> {
  const innermost = runs.getStore();
  for (let run = innermost; run; run = run.outer) if (!run.state.isReleased) yield run;
}

/** What the innermost run of that key around this call holds. */
export function heldByRun(space: LockSpace, key: string): Holding | undefined {
  for (const { holding, origin } of runsAround()) {
    if (keysOf(origin).includes(key) && areSamePlace(origin.space, space))
      return origin.partOf?.(holding as never, key) ?? holding;
  }
  return undefined;
}

/** Throws `DeadlockError` if a wait for this cannot end: the runs around this call hold what it is for. */
export function refuseDeadlock(wanted: HoldingOrigin): void {
  let permits = 0;
  for (const { origin, state } of runsAround()) {
    const { held } = state;
    if (held.ended || held.lostBecause || !areSamePlace(origin.space, wanted.space)) continue;
    const key = keysOf(wanted).find((one) => keysOf(origin).includes(one));
    if (key === undefined || !areInTheWay(origin, wanted)) continue;
    permits += 1;
    if (permits >= (wanted.permits ?? 1)) throw new DeadlockError(key);
  }
}

/** Whether what the one holds keeps the other from its key. */
function areInTheWay({ kind }: HoldingOrigin, wanted: HoldingOrigin): boolean {
  // A semaphore has blobs of its own. A key that is used as both is refused.
  if (kind === "semaphore" || wanted.kind === "semaphore") return kind === wanted.kind;
  return kind !== "read" || wanted.kind !== "read";
}

function keysOf({ key }: HoldingOrigin): readonly string[] {
  return typeof key === "string" ? [key] : key;
}

/** Whether one key means the same lock to both. */
function areSamePlace(one: MutexContext, other: MutexContext): boolean {
  if (one === other || one.store === other.store) return true;
  return one.address !== undefined && one.address.name === other.address?.name;
}
