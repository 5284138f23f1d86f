import type { LeaseTerms } from "../../src/lease/terms.ts";
import { Chance } from "../shared/chance.ts";
import type { Crowd, Member } from "./crowd.ts";
import type { Foreigners } from "./foreigners.ts";
import type { Kernel } from "./kernel.ts";
import type { Weather } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { Referee } from "./referee.ts";
import type { Releaser } from "./releaser.ts";
import type { TimedFault, Trouble } from "./trouble.ts";

export interface MisfortuneOptions {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly trouble: Trouble;
  readonly weather: Weather;
  readonly crowd: Crowd;
  readonly foreigners: Foreigners;
  readonly referee: Referee;
  readonly terms: LeaseTerms;
  readonly endsAt: number;
  /** Releases what a machine had that died. Default: what it had lapses. */
  readonly releaser: Releaser | undefined;
}

/** What a machine's clocks lose in one lease by running slow. */
const WORST_RATE = 0.01;
/**
 * What makes a blob forget its tokens: those that follow are dated by the service, as far as a machine knows what time
 * it is there. It takes its monotonic clock for one that does not run ahead.
 */
const FORGETTING = ["blob overwritten", "blob deleted", "container deleted", "go peer"] as const;
const RESTART_WITHIN_MS = 10_000;
/** From the release of all that it holds to the end of a process. */
const PROCESS_ENDS_MS = 2_000;
/** How likely a machine dies after a step, and how soon: before its request arrives, or its answer. */
const DIES_AT_STEP = 0.05;
const DIES_WITHIN_MS = [30, 300, 1_000] as const;
const LONGEST_LEAP_MS = 10_000;
const LONGEST_STEP_MS = 3_600_000;
/** How often the library looks whether its machine slept, and a bit, as its clock may be slow. */
const LOOK_MS = 1_050;

/** Brings the faults that have their own time upon machines, service and blobs, and ends them. */
export class Misfortune {
  readonly #of: MisfortuneOptions;
  readonly #restarts: Chance;
  readonly #steps: Chance;

  constructor(options: MisfortuneOptions) {
    this.#of = options;
    this.#restarts = new Chance(options.seed, "restarts");
    this.#steps = new Chance(options.seed, "steps");
  }

  begin(): void {
    const { kernel, trouble, foreigners } = this.#of;
    foreigners.overwriteWhenReleased(() => trouble.isOverwritten);
    for (const fault of trouble.timed) kernel.at(fault.at, () => void this.#strike(fault));
  }

  /** From now on every message arrives. Machines that stand still go on when their time has come. */
  end(): void {
    const { trouble, weather, crowd } = this.#of;
    trouble.isOver = true;
    weather.outageUntil = 0;
    weather.throttledUntil = 0;
    for (const { link } of crowd.members) {
      link.requestsCutUntil = 0;
      link.answersCutUntil = 0;
      link.deniedUntil = 0;
    }
  }

  /** A machine has come to the next step of its work: it may die before the one after that. */
  step(machine: Machine): void {
    const { kernel, trouble, crowd } = this.#of;
    if (trouble.isOver || !trouble.kinds.has("crash") || !this.#steps.isOnce(DIES_AT_STEP)) return;
    const ms = this.#steps.between(0, this.#steps.oneOf(DIES_WITHIN_MS));
    kernel.in(ms, () => {
      const member = crowd.living.find((one) => one.machine === machine);
      if (!member || trouble.isOver) return;
      if (trouble.strikes(`crash: of ${machine.name} ${Math.round(ms)} ms after a step`)) this.#crash(member);
    });
  }

  async #strike(fault: TimedFault): Promise<void> {
    const { kernel, weather, foreigners, trouble } = this.#of;
    const { kind, forMs, dice } = fault;
    const member = this.#victim(dice[0]);
    const until = kernel.now + forMs;
    const victim = member?.machine.name ?? "none";
    const strikes = (what: string): boolean => trouble.strikes(`${kind}: ${what}`);
    const lasting = `${Math.round(forMs)} ms`;
    switch (kind) {
      case "outage":
        if (strikes(lasting)) weather.outageUntil = until;
        return;
      case "throttling":
        if (strikes(lasting)) weather.throttledUntil = until;
        return;
      case "go peer":
        if (strikes("comes")) await foreigners.lockLikeGo(dice[1]);
        return;
      case "broken at once":
        if (strikes("a lease")) await foreigners.breakAtOnce(dice[1]);
        return;
      case "broken softly":
        if (strikes("a lease")) await foreigners.breakSoftly(dice[1]);
        return;
      case "blob deleted":
        if (strikes("one that is not leased")) await foreigners.remove(dice[1]);
        return;
      case "container deleted":
        if (strikes("with all it has")) await foreigners.removeContainer();
        return;
      case "blob overwritten":
        if (strikes("one that is not leased")) await foreigners.overwrite(dice[1]);
        return;
      case "partition":
        if (member && strikes(`of ${victim} for ${lasting}`)) this.#cut(member, until, dice);
        return;
      case "credentials refused":
        if (member && strikes(`of ${victim} for ${lasting}`)) member.link.deniedUntil = until;
        return;
      case "stall":
        if (member && strikes(`of ${victim} for ${lasting}`)) member.machine.standStill("stall", forMs);
        return;
      case "suspend":
        if (member && !member.wasPutBack && strikes(`of ${victim} for ${lasting}`))
          member.machine.standStill("suspend", forMs);
        return;
      case "nap":
        if (member && strikes(`of ${victim} for ${lasting}`)) this.#nap(member, forMs);
        return;
      case "process end":
        if (member && strikes(`of ${victim}`)) this.#endProcess(member);
        return;
      case "freeze":
        this.#freeze(member, dice);
        return;
      case "long freeze":
        if (member && strikes(`of ${victim} for ${lasting}`)) this.#freezeLong(member, forMs);
        return;
      case "clock jump":
        this.#jump(member, dice);
        return;
      case "crash":
        if (member && strikes(`of ${victim}`)) this.#crash(member);
        return;
      default:
        return;
    }
  }

  /** Tasks come the moment it wakes up, before it has noticed that it slept. */
  #nap(member: Member, forMs: number): void {
    const { kernel, crowd } = this.#of;
    if (member.machine.standStill("suspend", forMs)) kernel.in(forMs, () => crowd.comeAtOnce(member));
  }

  /** All that it holds is released, as all work has ended; a moment later it is gone. */
  #endProcess(member: Member): void {
    const { kernel, crowd, referee } = this.#of;
    const { machine, mutex } = member;
    if (crowd.living.length < 2 || !machine.isRunning) return;
    referee.endingAll(machine);
    machine.receive(() => void mutex.releaseAll());
    kernel.in(PROCESS_ENDS_MS, () => machine.isDead || this.#crash(member));
  }

  #victim(dice: number): Member | undefined {
    const { living } = this.#of.crowd;
    return living[Math.floor(dice * living.length)];
  }

  #cut({ link }: Member, until: number, dice: TimedFault["dice"]): void {
    link.isRefusing = dice[2] < 0.5;
    if (dice[1] < 0.7) link.requestsCutUntil = until;
    if (dice[1] > 0.4) link.answersCutUntil = until;
  }

  /** Neither clock counts it. As much as the margin leaves room for, once a lease. */
  #freeze(member: Member | undefined, dice: TimedFault["dice"]): void {
    const { kernel, trouble, terms } = this.#of;
    const leaseMs = terms.leaseSeconds * 1_000;
    const roomMs = terms.marginMs - WORST_RATE * leaseMs - 20;
    if (!member || roomMs <= 0 || kernel.now - member.frozenAt < 3 * leaseMs) return;
    const ms = roomMs * (1 - dice[1] * dice[1]);
    if (!trouble.strikes(`freeze: of ${member.machine.name} for ${Math.round(ms)} ms`)) return;
    if (member.machine.standStill("freeze", ms)) member.frozenAt = kernel.now;
  }

  #freezeLong({ machine }: Member, forMs: number): void {
    const { kernel, referee } = this.#of;
    if (!machine.standStill("freeze", forMs)) return;
    referee.clocksOff(machine);
    // Also what it asks for in the same breath, before it stands still.
    kernel.at(kernel.now + forMs, () => referee.clocksOff(machine));
  }

  #jump(member: Member | undefined, dice: TimedFault["dice"]): void {
    if (!member) return;
    const { machine } = member;
    const { trouble, kernel } = this.#of;
    const step = Math.round((2 * dice[2] - 1) * LONGEST_STEP_MS);
    const leap = Math.round(dice[2] * LONGEST_LEAP_MS);
    // A sleep after a step back would be seen by neither clock.
    if (dice[1] < 0.5) {
      if (!trouble.strikes(`clock jump: ${machine.name}'s uptime by ${step} ms`)) return;
      if (step < 0 && (machine.pause === "suspend" || trouble.kinds.has("suspend"))) return;
      // Two steps within one look at the clocks are seen as one.
      if (kernel.now - member.steppedAt < LOOK_MS) return;
      member.steppedAt = kernel.now;
      member.wasPutBack ||= step < 0;
      machine.jump({ uptimeMs: step });
    } else if (
      !FORGETTING.some((kind) => trouble.kinds.has(kind)) &&
      trouble.strikes(`clock jump: ${machine.name}'s clocks by ${leap} ms`)
    ) {
      machine.jump({ monotonicMs: leap, uptimeMs: leap });
    }
  }

  #crash(member: Member): void {
    const { kernel, crowd, referee, trouble } = this.#of;
    if (crowd.living.length < 2) return;
    member.machine.die();
    referee.died(member.machine);
    this.#of.releaser?.died(member);
    if (this.#restarts.isOnce(0.7)) {
      kernel.in(this.#restarts.between(0, RESTART_WITHIN_MS), () => {
        if (!trouble.isOver) crowd.machineJoins();
      });
    }
  }
}
