import { isMutexError } from "../../src/errors.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { spaceOf } from "../../src/locks/mutex.ts";
import { Chance } from "../shared/chance.ts";
import type { Game, Player, Taken } from "./games.ts";
import { type Journal, short } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import { Link, type Weather } from "./link.ts";
import { Machine } from "./machine.ts";
import type { Messenger } from "./messenger.ts";
import type { Referee, Tenancy } from "./referee.ts";
import type { Resource } from "./resource.ts";
import type { Service } from "./service.ts";
import type { Trouble } from "./trouble.ts";
import type { Waits } from "./waits.ts";
import type { WireRules } from "./wire-rules.ts";

export interface CrowdOptions {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly journal: Journal;
  readonly service: Service;
  readonly trouble: Trouble;
  readonly weather: Weather;
  readonly wire: WireRules;
  readonly referee: Referee;
  readonly resource: Resource;
  readonly game: Game;
  /** Whether every other hold is long. */
  readonly isNapping: boolean;
  /** How many tasks each machine has. */
  readonly tasks: number;
  readonly tryTimeoutMs: number;
  /** Default: machines poll. */
  readonly messenger: Messenger | undefined;
  readonly waits: Waits;
  /** From this true time on, no task has a reason to fail. */
  readonly noExcuseAfter: number;
}

/** A machine with the tasks that run on it. */
export interface Member {
  readonly machine: Machine;
  readonly link: Link;
  readonly mutex: AzureMutex;
  readonly players: readonly Player[];
  readonly chance: Chance;
  /** How many of its tasks are not through. */
  busy: number;
  /** How many of its tasks want something, or have it. */
  wanting: number;
  /** How often one of them began to want it. */
  comers: number;
  /** When it last stood still unnoticed, and whether its clock that counts sleep was ever put back. */
  frozenAt: number;
  /** When its clock that counts sleep last made a step. */
  steppedAt: number;
  wasPutBack: boolean;
}

interface Turn {
  readonly holdMs: number;
  /** Whether it waits until it has it. */
  readonly isPatient: boolean;
  readonly rest: (ms: number) => Promise<void>;
}

const WORST_RATE = 0.01;
/** A run with more holds than this would say nothing new. */
const TURNS = 6;
const EPILOGUE_TURNS = 2;
/** How long a hold is where machines nap. */
const LONG_HOLD_MS = [20_000, 60_000] as const;
/**
 * Where there is room for all, a task whose machine runs has what it wants within this time: a nap, a renewal and a few
 * failures.
 */
const STUCK_MS = 20_000;
const LOOK_AGAIN_MS = 2_000;

/** Machines whose tasks want what the game is about, again and again. */
export class Crowd {
  readonly members: Member[] = [];
  readonly #of: CrowdOptions;
  readonly #random: Chance;
  #ids = 0;

  constructor(options: CrowdOptions) {
    this.#of = options;
    this.#random = new Chance(options.seed, "machines");
  }

  get living(): readonly Member[] {
    return this.members.filter(({ machine }) => !machine.isDead);
  }

  /** Whether every task of a living machine is through. */
  get isDone(): boolean {
    return this.members.every(({ machine, busy }) => machine.isDead || busy === 0);
  }

  /** What is left running that should not be, or undefined. */
  get pendingTimers(): string | undefined {
    const left = this.living.filter(
      ({ machine, link, mutex }) => machine.pendingTimers + link.open + [...spaceOf(mutex).standing].length > 0,
    );
    const counts = left.map(
      ({ machine, link, mutex }) =>
        `${machine.name} has ${machine.pendingTimers} timers, ${link.open} open requests and ` +
        `${[...spaceOf(mutex).standing].length} leases to release`,
    );
    return counts.length === 0 ? undefined : counts.join(", ");
  }

  /** One more machine, with a process that has just started. */
  machineJoins(): Member {
    const { kernel, journal, seed, game, tasks, service, trouble, weather, wire, tryTimeoutMs } = this.#of;
    const name = `m${this.members.length + 1}`;
    const chance = new Chance(seed, name);
    const machine = new Machine(kernel, {
      name,
      rate: chance.between(1 - WORST_RATE, 1 + WORST_RATE),
      startsAt: chance.between(0, 1_000_000),
      random: new Chance(seed, `${name} after a pause`).random,
      report: (rule, how) => this.#of.referee.report(rule, how),
    });
    const oneWayMs = chance.oneOf([1, 5, 20, 80]);
    const link = new Link({ kernel, machine, service, trouble, weather, journal, witness: wire, oneWayMs });
    const options = {
      store: link,
      clock: machine,
      random: new Chance(seed, `the library on ${name}`).random,
      newId: () => this.#newId(),
      tryTimeoutMs,
      log: (line: string) => journal.note(name, () => line),
      wakeUps: this.#of.messenger?.channelOf(machine),
    };
    const mutex = new AzureMutex(options);
    const players = Array.from({ length: tasks }, () => game.player(machine, mutex, chance, new AzureMutex(options)));
    const member = {
      machine,
      link,
      mutex,
      players,
      chance,
      busy: 0,
      wanting: 0,
      comers: 0,
      frozenAt: Number.NEGATIVE_INFINITY,
      steppedAt: Number.NEGATIVE_INFINITY,
      wasPutBack: false,
    };
    this.members.push(member);
    for (const player of players) this.#start(member, (rest) => this.#play(member, player, rest));
    return member;
  }

  /** More tasks come to a machine in this very moment. */
  comeAtOnce(member: Member): void {
    const { chance, machine, mutex } = member;
    const { game, trouble } = this.#of;
    if (machine.isDead || trouble.isOver) return;
    for (let count = 1 + chance.upTo(2); count > 0; count -= 1) {
      const player = game.player(machine, mutex, chance, mutex);
      this.#start(member, (rest) =>
        this.#turn(member, player, { holdMs: chance.between(0, 500), isPatient: false, rest }),
      );
    }
  }

  /** When all is well again: some come, some give up, and nothing stays behind. */
  epilogue({ isPatient = false }: { isPatient?: boolean } = {}): void {
    for (const member of this.living) {
      for (const player of member.players) {
        this.#start(member, async (rest) => {
          for (let turn = 0; turn < (isPatient ? 1 : EPILOGUE_TURNS); turn += 1) {
            await rest(member.chance.between(0, 300));
            await this.#turn(member, player, { holdMs: member.chance.between(0, 60), isPatient, rest });
          }
        });
      }
    }
  }

  #start(member: Member, task: (rest: (ms: number) => Promise<void>) => Promise<void>): void {
    const { machine } = member;
    const { referee } = this.#of;
    member.busy += 1;
    const rest = (ms: number): Promise<void> => new Promise((resolve) => void machine.setTimer(ms, resolve));
    machine.receive(() => {
      task(rest).then(
        () => {
          member.busy -= 1;
        },
        (error) => referee.report("unexpected", `${machine.name}: ${String(error)}`),
      );
    });
  }

  async #play(member: Member, player: Player, rest: (ms: number) => Promise<void>): Promise<void> {
    const { chance } = member;
    for (let turn = 0; turn < TURNS && !this.#of.trouble.isOver; turn += 1) {
      await rest(chance.oneOf([5, 500, 2_000]) * chance.random());
      const longMs = this.#of.isNapping && chance.isOnce(0.5) ? chance.between(...LONG_HOLD_MS) : undefined;
      const holdMs = longMs ?? this.#holdMs(chance);
      await this.#turn(member, player, { holdMs, isPatient: false, rest });
    }
  }

  #holdMs(chance: Chance): number {
    return chance.isOnce(0.1) ? chance.between(3_000, 20_000) : chance.between(0, chance.oneOf([20, 500, 2_000]));
  }

  /** Wants it once, and gives it back. */
  async #turn(member: Member, player: Player, { holdMs, isPatient, rest }: Turn): Promise<void> {
    const { chance, machine } = member;
    const { journal, kernel, noExcuseAfter, referee, waits } = this.#of;
    const stop = new AbortController();
    const timeoutMs =
      !isPatient && chance.isOnce(0.25) ? 1 + chance.between(0, chance.oneOf([200, 5_000])) : Number.POSITIVE_INFINITY;
    const isFickle = !isPatient && chance.isOnce(this.#of.trouble.isOver ? 0.35 : 0.15);
    const isTry = !isPatient && chance.isOnce(0.1);
    const timer = isFickle
      ? machine.setTimer(chance.between(0, chance.oneOf([100, 400, 8_000])), () => stop.abort("changed its mind"))
      : undefined;
    const startedAt = kernel.now;
    member.wanting += 1;
    member.comers += 1;
    const waited = waits.begins();
    try {
      const taken = await this.#notStuck(member, player.take({ isTry, timeoutMs, signal: stop.signal }));
      waited(taken !== undefined);
      timer?.cancel();
      if (taken) await this.#hold(member, taken, holdMs, rest);
    } catch (error) {
      journal.note(machine.name, () => `goes without: ${String(error)}`);
      const isExpected = error === "changed its mind" || (isMutexError(error) && error.code === "LOCK_TIMEOUT");
      if (isMutexError(error) || isExpected) {
        if (!isExpected && startedAt > noExcuseAfter)
          referee.report("calm", `${machine.name} fails without a reason: ${String(error)}`);
      } else throw error;
    } finally {
      waited(false);
      timer?.cancel();
      member.wanting -= 1;
    }
  }

  /** Where there is room for all, no task waits for long. */
  async #notStuck<T>({ machine }: Member, taking: Promise<T>): Promise<T> {
    const { kernel, game, referee } = this.#of;
    if (!game.hasRoom) return await taking;
    let isThrough = false;
    const look = (): void => {
      if (isThrough || machine.isDead) return;
      if (machine.runningMs < LOOK_AGAIN_MS) kernel.in(LOOK_AGAIN_MS, look);
      else referee.report("stuck", `a task of ${machine.name} waits though there is room for all`);
    };
    kernel.in(STUCK_MS, look);
    try {
      return await taking;
    } finally {
      isThrough = true;
    }
  }

  async #hold(member: Member, taken: Taken, holdMs: number, rest: (ms: number) => Promise<void>): Promise<void> {
    const { chance, machine } = member;
    const { journal, referee, resource, waits } = this.#of;
    const { holding, claims, lock, isQuiet = false } = taken;
    const tenancies = claims.map((claim) => referee.entered(claim));
    journal.note(machine.name, () => tenancies.map((tenancy) => shown(tenancy)).join(", "));
    const write = (): void => {
      // Asked, and sent in the same breath: what comes in between is seen by the resource alone.
      if (holding.isHeld) for (const tenancy of tenancies) resource.send(tenancy);
    };
    write();
    if (lock && chance.isOnce(0.15)) referee.gaveOut(lock.conditions.leaseId);
    const isAttentive = chance.isOnce(0.5);
    const { signal } = holding;
    signal.addEventListener("abort", () => journal.note(machine.name, () => `has lost it: ${String(signal.reason)}`));
    await Promise.race([rest(holdMs / 2), ...(isAttentive ? [aborted(signal)] : [])]);
    write();
    await Promise.race([rest(holdMs / 2), ...(isAttentive ? [aborted(signal)] : [])]);
    const wasLost = !holding.isHeld;
    for (const tenancy of tenancies) referee.ending(tenancy);
    waits.released();
    journal.note(machine.name, () => `gives back${wasLost ? " what it has lost" : ""}`);
    const wasAwaited = member.wanting > 1;
    const { comers } = member;
    try {
      await taken.end();
      if (!isQuiet && !wasLost)
        for (const tenancy of tenancies) referee.released(tenancy, wasAwaited || member.comers > comers);
    } finally {
      for (const tenancy of tenancies) referee.left(tenancy);
      journal.note(machine.name, () => "has given back");
    }
  }

  /** Each another, in no order: tickets of one second sort by their ids, and real ids have none. */
  #newId(): string {
    this.#ids += 1;
    const scattered = Math.floor(this.#random.random() * 2 ** 32);
    return `${scattered.toString(16).padStart(8, "0")}-0000-4000-8000-${String(this.#ids).padStart(12, "0")}`;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function shown({ claim, leaseId }: Tenancy): string {
  return `holds ${claim.group}: lease ${short(leaseId)}, token ${claim.token}`;
}
