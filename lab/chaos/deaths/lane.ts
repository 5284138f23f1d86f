import { setTimeout as sleep } from "node:timers/promises";
import type { Chance } from "../../shared/chance.ts";
import { isStopped } from "../../shared/processes.ts";
import { overload } from "../machine.ts";
import type { MachineClock } from "../machine-clock.ts";
import { type DeathKind, livesOn } from "./kinds.ts";
import type { PidNamespace } from "./launches.ts";
import type { Seat, SeatProcess } from "./seat.ts";

/** A death that came about, by true time. */
export interface Death {
  readonly kind: DeathKind;
  readonly key: string;
  readonly seat: string;
  readonly incarnation: number;
  readonly at: number;
  /** Whether another process, or the next incarnation, came in within a lease and some. */
  readonly wasFollowed: boolean;
}

/** What the lanes of a run share. */
export interface LaneContext {
  readonly clock: MachineClock;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  readonly onDeath: (death: Death) => void;
  /** Where the pids of the dead are used again. */
  readonly namespace: PidNamespace;
}

const REST_MS = [200, 1_500] as const;
/** How long a victim is told to keep what it has, or gets. */
const LINGER_MS = 6_000;
const BEFORE_MS = [0, 2_000] as const;
const RESTARTED_AFTER_MS = [50, 1_500] as const;
/** How long a holder lives on that has lost its guardian, before it is killed. */
const LIVES_ON_MS = [500, 3_000] as const;
const STOPPED_LEASES = [1.02, 1.3] as const;
/** So many deaths befall the holder of the lock, and so many of these are told to keep it. */
const AIMED = 0.8;
const LINGERS = 0.7;
/** After the lease has run out, another process is in within this. */
const AFTER_LEASE_MS = 15_000;
const FINISH_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 10;

/** A lock, and processes that compete for it and die one after the other. */
export class Lane {
  readonly key: string;
  readonly seats: readonly Seat[];
  readonly #context: LaneContext;
  readonly #chance: Chance;
  #lastInAt = 0;

  constructor(key: string, seats: readonly Seat[], context: LaneContext, chance: Chance) {
    this.key = key;
    this.seats = seats;
    this.#context = context;
    this.#chance = chance;
    for (const seat of seats) {
      seat.onIn = () => {
        this.#lastInAt = context.clock.now();
      };
    }
  }

  /** Takes one death after the other from the deck, until it is empty. */
  async run(deck: DeathKind[]): Promise<void> {
    await Promise.all(this.seats.map((seat) => seat.start()));
    for (let kind = deck.shift(); kind !== undefined && !this.#context.signal.aborted; kind = deck.shift()) {
      await this.#restWithin(REST_MS);
      await this.#die(kind);
    }
  }

  async #die(kind: DeathKind): Promise<void> {
    const { clock, onDeath } = this.#context;
    const seat = await this.#victim();
    if (this.#chance.isOnce(LINGERS)) seat.process.send({ kind: "linger", until: clock.now() + LINGER_MS });
    await this.#restWithin(BEFORE_MS);
    const { incarnation, process: victim } = seat;
    seat.isDying = true;
    const struckAt = clock.now();
    const came = await this.#bring(kind, seat);
    // It dies at a moment of its own.
    const at = livesOn(kind) || kind === "killedBeforeWrite" ? clock.now() : struckAt;
    if (livesOn(kind)) await this.#finish(victim);
    await victim.ended;
    await this.#restWithin(RESTARTED_AFTER_MS);
    if (this.#context.signal.aborted) return;
    await seat.start();
    const wasFollowed = await this.#isInSince(at);
    onDeath({ kind: came, key: this.key, seat: seat.name, incarnation, at, wasFollowed });
  }

  /** Lets it happen. Resolves with what came of it. */
  async #bring(kind: DeathKind, seat: Seat): Promise<DeathKind> {
    const { process: victim } = seat;
    switch (kind) {
      case "killed":
        victim.kill(this.#chance.oneOf(["SIGKILL", "SIGKILL", "SIGSEGV", "SIGABRT"]));
        break;
      case "containerKilled":
      case "commandKilled":
        victim.kill();
        break;
      case "killedBeforeWrite":
        victim.send({ kind: "fate", fate: "kill" });
        await this.#until(() => victim.hasEnded);
        // It did not come to write.
        victim.kill();
        break;
      case "ended":
        victim.send({ kind: "end", how: this.#chance.oneOf(["throws", "exits"]) });
        break;
      case "bothKilled":
        // The guardian first: it needs some time to see a death, and this process none to send two signals.
        signalAll(seat.children, "SIGKILL");
        victim.kill();
        break;
      case "guardianKilled":
        signalAll(seat.children, "SIGKILL");
        await this.#restWithin(LIVES_ON_MS);
        break;
      case "pipesClosed":
        victim.send({ kind: "closePipes" });
        await this.#restWithin(LIVES_ON_MS);
        break;
      case "stopped":
        await this.#stop(seat);
        break;
      case "pidReused":
        return (await this.#hasReusedPid(seat)) ? kind : "killed";
    }
    return kind;
  }

  /** Kills a process, and gives its pid to another before the guardian can look. Resolves with whether it got it. */
  async #hasReusedPid({ process: victim, children: guardians }: Seat): Promise<boolean> {
    const { namespace } = this.#context;
    const pid = namespace.pidInside(victim.pid);
    signalAll(guardians, "SIGSTOP");
    victim.kill();
    await victim.ended;
    const isReused = await namespace.hasStartedAs(pid);
    signalAll(guardians, "SIGCONT");
    return isReused;
  }

  /** What has lived on ends in good order, or is killed. */
  async #finish(victim: SeatProcess): Promise<void> {
    victim.send({ kind: "finish" });
    const giveUpAt = this.#context.clock.now() + FINISH_WITHIN_MS * overload();
    while (!victim.hasEnded && this.#context.clock.now() < giveUpAt) await this.#rest(LOOK_EVERY_MS);
    victim.kill();
  }

  /** Half of them exactly between the last look at the lock and the write that follows. */
  async #stop({ process: victim }: Seat): Promise<void> {
    if (this.#chance.isOnce(0.5)) {
      victim.send({ kind: "fate", fate: "stop" });
      await this.#until(() => isStopped(victim.pid));
    }
    victim.stop();
    await this.#rest(this.#chance.between(...STOPPED_LEASES) * this.#context.leaseMs);
    victim.goOn();
    await this.#restWithin(LIVES_ON_MS);
  }

  /** The one that is in, as a rule; waits until one is. */
  async #victim(): Promise<Seat> {
    if (this.#chance.isOnce(AIMED)) await this.#until(() => this.seats.some(({ isIn }) => isIn));
    const holder = this.seats.find(({ isIn }) => isIn);
    const [first, ...others] = this.seats as [Seat, ...Seat[]];
    return holder ?? this.#chance.oneOf([first, ...others]);
  }

  async #isInSince(at: number): Promise<boolean> {
    const { clock, leaseMs } = this.#context;
    const giveUpAt = at + (leaseMs + AFTER_LEASE_MS) * overload();
    while (this.#lastInAt <= at && clock.now() < giveUpAt && !this.#context.signal.aborted)
      await this.#rest(LOOK_EVERY_MS);
    return this.#lastInAt > at || this.#context.signal.aborted;
  }

  /** Until it is so, or for a lease. */
  async #until(isSo: () => boolean): Promise<void> {
    const { clock, leaseMs, signal } = this.#context;
    const giveUpAt = clock.now() + leaseMs;
    while (!isSo() && clock.now() < giveUpAt && !signal.aborted) await this.#rest(LOOK_EVERY_MS);
  }

  async #restWithin(range: readonly [number, number]): Promise<void> {
    await this.#rest(this.#chance.between(...range));
  }

  /** Returns early when the run is called off. */
  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#context.signal }).catch(() => {});
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended by itself.
    }
  }
}
