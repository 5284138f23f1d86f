import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Chance } from "../shared/chance.ts";
import { isStopped } from "../shared/processes.ts";
import { FaultProxy } from "../shared/wire/fault-proxy.ts";
import { type JobOfAll, Member } from "./crew.ts";
import type { Calm, Evidence, StorageLoss, Struck } from "./evidence.ts";
import { overload, WallClock } from "./machine.ts";
import { MachineClock } from "./machine-clock.ts";
import type { Fate } from "./messages.ts";
import { disturb } from "./network.ts";
import { isOfProcess, isOfStorage, LINGER_BEFORE_MS, planOf, type StorageTrouble, type Trouble } from "./plan.ts";
import { Register } from "./register.ts";
import { StorageProcess } from "./storage-process.ts";
import { Turns } from "./turns.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  /** For the storage's data and the journals. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Told of each trouble as it comes, and of what went otherwise than planned. */
  readonly onTrouble: (at: number, trouble: Trouble, victim: string | undefined) => void;
}

const WORKERS = 6;
/** So many of them tell each other of releases. */
const WOKEN = 4;
/** The shortest that Azure knows. */
const LEASE_SECONDS = 15;
const LEASE_MS = LEASE_SECONDS * 1_000;
/** How long things go wrong before it is calm again. */
const ROUND_MS = 90_000;
/** Everybody gets in by then: when the tickets of the dead have run out, and the leases that were handed to them. */
const CALM_WITHIN_MS = 60_000 + 4 * LEASE_MS;
const FINISH_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;

export interface Outcome {
  readonly evidence: Evidence;
  readonly requests: number;
}

/**
 * Runs workers, storage and register, lets everything go wrong that the seed's plan says, and brings home what
 * happened.
 */
export async function conduct(options: ChaosOptions): Promise<Outcome> {
  const clock = new MachineClock();
  await using storage = await StorageProcess.start(options.folder);
  await using register = await Register.start(clock);
  const job: JobOfAll = {
    seed: options.seed,
    leaseSeconds: LEASE_SECONDS,
    containerName: "chaos",
    registerPort: register.port,
  };
  const woken = { ...job, wakeUps: join(options.folder, "wake-ups") };
  const crew: Member[] = [];
  try {
    for (let i = 1; i <= WORKERS; i += 1)
      crew.push(new Member(`w${i}`, await FaultProxy.start(storage), options.folder, i > WOKEN ? job : woken));
    return await new Conductor(options, clock, storage, register, crew).run();
  } finally {
    await Promise.all(crew.map((member) => member.close()));
  }
}

class Conductor {
  readonly #options: ChaosOptions;
  readonly #clock: MachineClock;
  readonly #storage: StorageProcess;
  readonly #register: Register;
  readonly #crew: readonly Member[];
  readonly #planned: Trouble[] = [];
  readonly #struck: Struck[] = [];
  readonly #storageTurns = new Turns();
  readonly #storageLosses: StorageLoss[] = [];
  readonly #calms: Calm[] = [];
  #requests = 0;

  constructor(
    options: ChaosOptions,
    clock: MachineClock,
    storage: StorageProcess,
    register: Register,
    crew: readonly Member[],
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#storage = storage;
    this.#register = register;
    this.#crew = crew;
  }

  async run(): Promise<Outcome> {
    const { signal, minutes } = this.#options;
    const forMs = minutes * 60_000;
    setMaxListeners(0, signal);
    await Promise.all(this.#crew.map((member) => member.start()));
    this.#clock.restart();
    const wallClock = new WallClock();
    for (const { process } of this.#crew) process.send({ kind: "go", epoch: this.#clock.epoch });
    const housekeeping = setInterval(() => this.#countRequests(), 1_000);
    try {
      // Whole rounds, as many as come nearest.
      const isOn = (round: number): boolean =>
        !signal.aborted && (round === 0 || this.#clock.now() < forMs - ROUND_MS / 2);
      for (let round = 0; isOn(round); round += 1) await this.#goThrough(round);
    } finally {
      clearInterval(housekeeping);
    }
    signal.throwIfAborted();
    const endedAt = this.#clock.now();
    for (const { process } of this.#crew) process.send({ kind: "finish" });
    const crashes = await this.#finish();
    this.#countRequests();
    return { evidence: this.#evidence(endedAt, crashes, wallClock.stepMs), requests: this.#requests };
  }

  async #goThrough(round: number): Promise<void> {
    const { seed, signal } = this.#options;
    const startedAt = this.#clock.now();
    const troubles = planOf({ seed, round, roundMs: ROUND_MS, workers: this.#crew.length, leaseMs: LEASE_MS });
    this.#planned.push(...troubles);
    const later = (trouble: Trouble): Trouble => ({ ...trouble, at: startedAt + trouble.at });
    await Promise.all(
      troubles.map((trouble, i) => this.#strike(later(trouble), new Chance(seed, `trouble ${i} of round ${round}`))),
    );
    if (!signal.aborted) await this.#restUntilAllWereIn();
  }

  async #restUntilAllWereIn(): Promise<void> {
    const from = this.#clock.now();
    for (const member of this.#crew) member.forgetWhoWasIn();
    while (this.#clock.now() < from + CALM_WITHIN_MS * overload() && !this.#options.signal.aborted) {
      await this.#rest(LOOK_EVERY_MS);
      if (this.#crew.every((member) => member.allWereIn)) break;
    }
    this.#calms.push({ from, to: this.#clock.now() });
  }

  async #strike(trouble: Trouble, chance: Chance): Promise<void> {
    const { kind, at, forMs } = trouble;
    await this.#until(at - LINGER_BEFORE_MS);
    const isAimed = trouble.victim === "holder";
    if (isAimed)
      await this.#restUntil(() => this.#crew.some(({ holding, troubles }) => holding.size > 0 && troubles === 0));
    const member = this.#victimOf(trouble, chance);
    if (member) member.troubles += 1;
    if (isAimed) member?.process.send({ kind: "linger", until: this.#clock.now() + LINGER_BEFORE_MS + forMs });
    await this.#rest(LINGER_BEFORE_MS);
    const turn = this.#turnsOf(trouble, member)?.take();
    await turn?.mine;
    const from = this.#clock.now();
    if (!this.#options.signal.aborted) {
      this.#options.onTrouble(from, trouble, member?.name);
      const hasHit = await this.#bring(trouble, member, chance);
      this.#struck.push({ kind, from, to: this.#clock.now(), victim: member?.name, hasHit });
    }
    turn?.end();
    if (member) member.troubles -= 1;
  }

  /** Undefined for all. */
  #victimOf({ victim }: Trouble, chance: Chance): Member | undefined {
    if (typeof victim === "number") return this.#crew[victim];
    if (victim === "all") return undefined;
    // One that keeps what it has until one trouble is over would draw all others.
    const spared = this.#crew.filter(({ troubles }) => troubles === 0);
    const eligible = spared.length > 0 ? spared : this.#crew;
    const most = Math.max(...eligible.map(({ holding }) => holding.size));
    const those = eligible.filter(({ holding }) => holding.size === most);
    return those[chance.upTo(those.length)];
  }

  #turnsOf(trouble: Trouble, member: Member | undefined): Turns | undefined {
    return isOfProcess(trouble) ? member?.turns : isOfStorage(trouble) ? this.#storageTurns : undefined;
  }

  /** Lets it happen, and ends it. Resolves with whether it hit anything. */
  async #bring(trouble: Trouble, member: Member | undefined, chance: Chance): Promise<boolean> {
    const { kind, forMs } = trouble;
    switch (kind) {
      case "kill":
        member?.process.kill();
        return await this.#comeBack(member, forMs);
      case "killBeforeWrite":
        return (await this.#meetFate(member, "kill")) && (await this.#comeBack(member, forMs));
      case "shortStop":
      case "longStop":
        member?.process.stop();
        return await this.#wakeUp(member, forMs);
      case "stopBeforeWrite":
        return (await this.#meetFate(member, "stop")) && (await this.#wakeUp(member, forMs));
      case "storageRestarted":
      case "storageGone":
        return await this.#loseStorage(kind, forMs);
      case "lateWrites":
        this.#register.lateness = () =>
          chance.isOnce(0.3) ? chance.between(0.2, 1.5) * LEASE_MS : chance.between(0, 300);
        await this.#rest(forMs);
        this.#register.lateness = () => 0;
        return true;
      default: {
        const proxies = member ? [member.proxy] : this.#crew.map(({ proxy }) => proxy);
        await Promise.all(proxies.map((proxy) => disturb(proxy, kind, forMs, chance, (ms) => this.#rest(ms))));
        return true;
      }
    }
  }

  async #comeBack(member: Member | undefined, afterMs: number): Promise<boolean> {
    await this.#rest(afterMs);
    if (this.#options.signal.aborted) return false;
    await member?.start();
    member?.process.send({ kind: "go", epoch: this.#clock.epoch });
    return true;
  }

  async #wakeUp(member: Member | undefined, afterMs: number): Promise<boolean> {
    await this.#rest(afterMs);
    member?.process.goOn();
    return true;
  }

  /** Tells a worker what to do to itself before its next write, and waits until it has. */
  async #meetFate(member: Member | undefined, fate: Fate): Promise<boolean> {
    if (!member) return false;
    const { process } = member;
    process.send({ kind: "fate", fate });
    const hasMet = (): boolean => (fate === "stop" ? isStopped(process.pid) : process.hasEnded);
    await this.#restUntil(hasMet);
    if (hasMet()) return true;
    process.send({ kind: "fate", fate: undefined });
    // It may have met it while it was told not to: the order is read before the next write, or after it.
    await this.#rest(LOOK_EVERY_MS);
    return hasMet();
  }

  async #loseStorage(kind: StorageTrouble, downMs: number): Promise<boolean> {
    const isRewound = kind === "storageRestarted";
    const at = this.#clock.now();
    await this.#storage.kill();
    this.#storageLosses.push({ at, goneAt: this.#clock.now(), isRewound });
    await this.#rest(downMs);
    await this.#storage.restart({ withData: isRewound });
    return true;
  }

  /** Every process ends by itself, or is a crash. */
  async #finish(): Promise<string[]> {
    const late: string[] = [];
    const withinMs = FINISH_WITHIN_MS * overload();
    await Promise.all(
      this.#crew.map(async (member) => {
        const hasEnded = await Promise.race([member.ended.then(() => true), sleep(withinMs, false, { ref: false })]);
        if (!hasEnded)
          late.push(`${member.name} did not end within ${Math.round(withinMs / 1_000)} s of being told to`);
      }),
    );
    return [...this.#crew.flatMap(({ crashes }) => crashes), ...late];
  }

  #evidence(endedAt: number, crashes: readonly string[], wallClockStepMs: number): Evidence {
    const read = this.#crew.map((member) => member.read());
    return {
      seed: this.#options.seed,
      leaseMs: LEASE_MS,
      endedAt,
      workers: this.#crew.map(({ name }) => name),
      actors: this.#crew.flatMap(({ name: worker, actors }) => actors.map(({ name, key }) => ({ name, worker, key }))),
      holds: read.flatMap(({ holds }) => holds),
      requests: read.flatMap(({ requests }) => requests),
      refusals: read.flatMap(({ refusals }) => refusals),
      touches: this.#register.touches,
      fencedNumbers: this.#register.fencedNumbers,
      troubles: this.#struck,
      planned: this.#planned,
      storageLosses: this.#storageLosses,
      calms: this.#calms,
      crashes,
      wallClockStepMs,
    };
  }

  #countRequests(): void {
    for (const { proxy } of this.#crew) {
      this.#requests += proxy.count();
      proxy.forgetRequests();
    }
  }

  /** Until it is so, or for a lease. */
  async #restUntil(isSo: () => boolean): Promise<void> {
    const giveUpAt = this.#clock.now() + LEASE_MS;
    while (!isSo() && this.#clock.now() < giveUpAt && !this.#options.signal.aborted) await this.#rest(LOOK_EVERY_MS);
  }

  async #until(at: number): Promise<void> {
    await this.#rest(at - this.#clock.now());
  }

  /** Returns early when the run is called off. */
  async #rest(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#options.signal }).catch(() => {});
  }
}
