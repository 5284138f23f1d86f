import type { Slot } from "../../src/blobs/once-slot.ts";
import { isMutexError } from "../../src/errors.ts";
import { currentLeaseId } from "../../src/locks/lock.ts";
import { Once } from "../../src/recipes/once/once.ts";
import type { OnceOptions } from "../../src/recipes/once/once-options.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import type { Chance } from "../shared/chance.ts";
import { type Ask, claimOf, type Game, type Player, type Taken } from "./games.ts";
import type { Invariant } from "./invariants.ts";
import type { Machine } from "./machine.ts";
import type { Referee } from "./referee.ts";
import type { Service } from "./service.ts";
import { SlotRules } from "./slot-rules.ts";

export interface OnceGameOptions {
  readonly key: string;
  readonly service: Service;
  readonly referee: Referee;
  readonly chance: Chance;
  readonly lockerOptions: LockerOptions;
  /** Whether the trouble is over: no work fails then, and all ask for the last slot. */
  readonly isCalm: () => boolean;
  /** A machine has come to the next step of its work: it may die in a moment. */
  readonly onStep: (machine: Machine) => void;
}

const SLOT_EVERY_MS = 3_000;
/** By how much the clock of a machine is off, in slots. A date that is too far ahead is refused. */
const OFF_BY = [0, 0, 0, 1, -1, 3, -3, 7, -40] as const;
const DATES_OFF_BY = [...OFF_BY, 15, 60] as const;
const FAILS = 0.1;

/** A schedule on every machine, each by its own clock: the fires of one job are the slots of a `Once`. */
export class OnceGame implements Game {
  readonly rules: SlotRules;
  readonly #of: OnceGameOptions;
  readonly #policy: Pick<OnceOptions, "afterCrash" | "afterFailure" | "maxAttempts">;
  readonly #hasDates: boolean;
  readonly #offBy = new Map<Machine, number>();
  readonly #beginsAt: number;

  constructor(options: OnceGameOptions) {
    const { chance, key, service, referee } = options;
    const [afterCrash, afterFailure] = chance.oneOf([
      ["rerun", "retry"],
      ["rerun", "retry"],
      ["leave", "leave"],
      ["leave", "retry"],
    ]);
    this.#of = options;
    this.#policy = { afterCrash, afterFailure, maxAttempts: chance.oneOf([3, Number.POSITIVE_INFINITY]) };
    this.#hasDates = chance.isOnce(0.4);
    this.#beginsAt = service.now;
    const report = (rule: Invariant, how: string): void => referee.report(rule, how);
    this.rules = new SlotRules({ key, service, policy: this.#policy, report });
  }

  player(machine: Machine, mutex: ConstructorParameters<typeof Once>[0], chance: Chance): Player {
    const { key, lockerOptions, onStep } = this.#of;
    const whileRunning = chance.oneOf(["skip", "wait"]);
    const { fencing: _, ...rest } = lockerOptions;
    const once = new Once(mutex, key, { ...rest, ...this.#policy, whileRunning });
    if (!this.#offBy.has(machine)) this.#offBy.set(machine, chance.oneOf(this.#hasDates ? DATES_OFF_BY : OFF_BY));
    return {
      take: async (ask) => {
        onStep(machine);
        try {
          return await this.#take(once, machine, chance, ask);
        } catch (error) {
          // Its clock is ahead by more than a minute.
          if (isMutexError(error) && error.code === "ONCE_SLOT") return undefined;
          throw error;
        }
      },
    };
  }

  /** Undefined where the work does not begin. */
  async #take(once: Once, machine: Machine, chance: Chance, { isTry: _, ...wait }: Ask): Promise<Taken | undefined> {
    const { referee, onStep, isCalm } = this.#of;
    const slot = this.#slotBy(machine);
    const failure = !isCalm() && chance.isOnce(FAILS) ? new Error("the work has failed") : undefined;
    return await new Promise((resolve, reject) => {
      const ran = once.run(
        slot,
        (lock, { attempt }) =>
          new Promise<void>((succeed, fail) => {
            const isExcused = referee.isCondemned(currentLeaseId(lock));
            this.rules.begins({ slot, attempt, token: lock.fencingToken, who: machine.name, isExcused });
            onStep(machine);
            const end = async (): Promise<void> => {
              onStep(machine);
              if (failure) fail(failure);
              else succeed();
              await ran.catch((error: unknown) => {
                if (error !== failure) throw error;
              });
            };
            resolve({ holding: lock, lock, claims: [claimOf(lock, machine)], end, isQuiet: true });
          }),
        wait,
      );
      ran.then(() => resolve(undefined), reject);
    });
  }

  #slotBy(machine: Machine): Slot {
    const { service, isCalm } = this.#of;
    if (isCalm() && this.rules.last) return this.rules.last.slot;
    const sinceMs = service.now - this.#beginsAt;
    const slot = Math.max(0, Math.floor(sinceMs / SLOT_EVERY_MS) + (this.#offBy.get(machine) ?? 0));
    return this.#hasDates ? new Date(this.#beginsAt + slot * SLOT_EVERY_MS) : slot;
  }
}
