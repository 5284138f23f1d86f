import type { Clock, Timer } from "../../src/time/clock.ts";
import type { Invariant } from "./invariants.ts";
import type { Kernel, Planned } from "./kernel.ts";
import { Violation } from "./violation.ts";

/** How a machine came to stand still. */
export type Pause =
  /** The event loop is busy with one thing: both clocks go on, and nothing else runs. */
  | "stall"
  /** The machine sleeps: the monotonic clock and the timers stand still, the one that counts sleep goes on. */
  | "suspend"
  /** The machine is frozen from outside: both clocks stand still, and nothing in it can tell. */
  | "freeze";

export interface MachineOptions {
  readonly name: string;
  /** How many milliseconds its clocks count in one of true time. */
  readonly rate: number;
  /** What its clocks show at the beginning. */
  readonly startsAt: number;
  readonly random: () => number;
  /** A rule is broken. Default: that throws. */
  readonly report?: (rule: Invariant, how: string) => void;
}

interface PendingTimer {
  readonly due: number;
  readonly callback: () => void;
}

/**
 * More looks at a clock than anything takes between two events: beyond them, something waits for nothing but settled
 * promises.
 */
const MOST_LOOKS = 20_000;
/** Node fires no timer before this time. */
const SHORTEST_TIMER_MS = 1;
/** `os.uptime()` counts in steps of this. */
const UPTIME_STEP_MS = 10;
/** Apart from the monotonic clock from the start, so that code which mixes the two up is wrong at once. */
const UPTIME_AHEAD_MS = 3_600_000;

/**
 * A machine with clocks of its own and one event loop, as Node has it: timers that are due, then input that has
 * arrived, then the callbacks of {@link Clock.nextTurn}. Between two callbacks every promise settles that can.
 */
export class Machine implements Clock {
  readonly name: string;
  readonly #kernel: Kernel;
  readonly #random: () => number;
  readonly #rate: number;
  #monotonic: HandOfClock;
  #uptime: HandOfClock;
  readonly #timers: PendingTimer[] = [];
  #input: (() => void)[] = [];
  #turns: (() => void)[] = [];
  /** What this round of the event loop still has to call in its present phase. */
  #ofRound: (() => void)[] = [];
  #phase: "timers" | "input" | "turns" = "timers";
  #round = 0;
  #pause: Pause | undefined;
  #isDead = false;
  #wake: Planned | undefined;
  #runningSince: number;
  readonly #report: NonNullable<MachineOptions["report"]>;
  /** How often its clock was looked at since the last event, and which that was. */
  #looks = 0;
  #lookedAt = 0;

  constructor(kernel: Kernel, { name, rate, startsAt, random, report = () => undefined }: MachineOptions) {
    this.name = name;
    this.#report = report;
    this.#kernel = kernel;
    this.#random = random;
    this.#rate = rate;
    this.#monotonic = { shown: startsAt, at: kernel.now, rate };
    this.#uptime = { shown: startsAt + UPTIME_AHEAD_MS, at: kernel.now, rate };
    this.#runningSince = kernel.now;
  }

  now(): number {
    this.#looked();
    return onGrid(read(this.#monotonic, this.#kernel.now));
  }

  /** Throws into a loop that would never end: no other event happens while it turns. */
  #looked(): void {
    const { steps } = this.#kernel;
    this.#looks = this.#lookedAt === steps ? this.#looks + 1 : 1;
    this.#lookedAt = steps;
    if (this.#looks <= MOST_LOOKS) return;
    const how = `${this.name} does nothing but wait for promises that are settled`;
    this.#report("standstill", how);
    throw new Violation("standstill", how);
  }

  uptime(): number {
    return Math.floor(read(this.#uptime, this.#kernel.now) / UPTIME_STEP_MS) * UPTIME_STEP_MS;
  }

  setTimer(ms: number, callback: () => void): Timer {
    const due = this.now() + Math.max(SHORTEST_TIMER_MS, Math.ceil(ms * GRID) / GRID);
    const timer: PendingTimer = { due, callback };
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1]?.due ?? 0) > due) index -= 1;
    this.#timers.splice(index, 0, timer);
    if (index === 0) this.#plan();
    return {
      cancel: () => {
        const found = this.#timers.indexOf(timer);
        if (found >= 0) this.#timers.splice(found, 1);
      },
    };
  }

  nextTurn(callback: () => void): void {
    this.#turns.push(callback);
    this.#plan();
  }

  /** Something arrives from outside, to be called back when the event loop comes to it. */
  receive(callback: () => void): void {
    if (this.#isDead) return;
    this.#input.push(callback);
    this.#plan();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get pause(): Pause | undefined {
    return this.#pause;
  }

  /** Whether anything runs here. */
  get isRunning(): boolean {
    return !this.#isDead && this.#pause === undefined;
  }

  /** For how long it has been running without a pause, in true milliseconds. */
  get runningMs(): number {
    return this.isRunning ? this.#kernel.now - this.#runningSince : 0;
  }

  /** How often the event loop has come from its timers to what had arrived by then. */
  get round(): number {
    return this.#round;
  }

  /** Whether it is at its timers, and has not looked yet what arrived. */
  get isAtTimers(): boolean {
    return this.#phase === "timers";
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Stands still for so long. False, and nothing happened, if it stands still already or is dead. */
  standStill(pause: Pause, ms: number): boolean {
    if (!this.isRunning) return false;
    this.#pause = pause;
    if (pause !== "stall") this.#monotonic = moved(this.#monotonic, this.#kernel.now, 0);
    if (pause === "freeze") this.#uptime = moved(this.#uptime, this.#kernel.now, 0);
    if (this.#wake) this.#wake.run = undefined;
    this.#wake = undefined;
    this.#kernel.in(ms, () => this.#goOn());
    return true;
  }

  /** The clocks jump ahead, or the one that counts sleep either way. */
  jump({ monotonicMs = 0, uptimeMs = 0 }: { monotonicMs?: number; uptimeMs?: number }): void {
    const { now } = this.#kernel;
    this.#monotonic = moved(this.#monotonic, now, this.#monotonic.rate, monotonicMs);
    this.#uptime = moved(this.#uptime, now, this.#uptime.rate, uptimeMs);
    this.#plan();
  }

  /** Nothing of it runs any more, and what it had is not looked at. */
  die(): void {
    this.#isDead = true;
    if (this.#wake) this.#wake.run = undefined;
    this.#timers.length = 0;
    this.#input = [];
    this.#turns = [];
    this.#ofRound = [];
  }

  #goOn(): void {
    if (this.#isDead) return;
    this.#pause = undefined;
    this.#monotonic = moved(this.#monotonic, this.#kernel.now, this.#rate);
    this.#uptime = moved(this.#uptime, this.#kernel.now, this.#rate);
    this.#runningSince = this.#kernel.now;
    // It may have stood still before its timers, or just after them.
    if (this.#phase === "timers" && this.#random() < 0.5) this.#leaveTimers();
    this.#plan();
  }

  /** Whether something can be called at once. */
  get #isBusy(): boolean {
    return this.#phase !== "timers" || this.#input.length > 0 || this.#turns.length > 0;
  }

  #plan(): void {
    if (!this.isRunning) return;
    const first = this.#timers[0];
    if (!this.#isBusy && !first) return;
    const at = this.#isBusy || !first ? this.#kernel.now : this.#trueTimeOf(first.due);
    if (this.#wake?.run && this.#wake.at <= at) return;
    if (this.#wake) this.#wake.run = undefined;
    this.#wake = this.#kernel.at(at, () => {
      this.#wake = undefined;
      this.#turn();
      this.#plan();
    });
  }

  /** When, at the earliest, the monotonic clock shows that. */
  #trueTimeOf(due: number): number {
    const { shown, at, rate } = this.#monotonic;
    let when = Math.max(this.#kernel.now, at + (due - shown) / rate);
    while (onGrid(read(this.#monotonic, when)) < due) when += 1 / GRID;
    return when;
  }

  /** Calls one callback, if there is one. */
  #turn(): void {
    if (this.#phase === "timers") {
      const [first] = this.#timers;
      if (first && first.due <= this.now()) {
        this.#timers.shift();
        first.callback();
        return;
      }
      this.#leaveTimers();
    }
    if (this.#phase === "input") {
      const input = this.#ofRound.shift();
      if (input) {
        input();
        return;
      }
      this.#phase = "turns";
      this.#ofRound = this.#turns;
      this.#turns = [];
    }
    const turn = this.#ofRound.shift();
    if (this.#ofRound.length === 0) this.#phase = "timers";
    turn?.();
  }

  #leaveTimers(): void {
    this.#phase = "input";
    this.#round += 1;
    this.#ofRound = this.#input;
    this.#input = [];
  }
}

/** A clock that counts evenly from one true time on. */
interface HandOfClock {
  readonly shown: number;
  readonly at: number;
  readonly rate: number;
}

function read({ shown, at, rate }: HandOfClock, now: number): number {
  return shown + (now - at) * rate;
}

function moved(hand: HandOfClock, now: number, rate: number, byMs = 0): HandOfClock {
  return { shown: read(hand, now) + byMs, at: now, rate };
}

/**
 * Clocks count in steps of a 1,024th of a millisecond, so that sums of times are exact and no timer fires a hair too
 * early.
 */
const GRID = 1_024;

function onGrid(ms: number): number {
  return Math.floor(ms * GRID) / GRID;
}
