import { type LeaseTerms, resolveTerms } from "../../src/lease/terms.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import { Chance } from "../shared/chance.ts";
import type { HistoryLine } from "../shared/history.ts";
import { Crowd } from "./crowd.ts";
import { Foreigners } from "./foreigners.ts";
import { GAMES, type GameName, gameOf, KEY, NAP_GAMES, WOKEN_GAMES } from "./games.ts";
import { historyOf } from "./history.ts";
import { Journal, type Line } from "./journal.ts";
import { Kernel } from "./kernel.ts";
import { type ChannelFault, Messenger } from "./messenger.ts";
import { Misfortune } from "./misfortune.ts";
import { OnceGame } from "./once-game.ts";
import { Referee } from "./referee.ts";
import { Releaser } from "./releaser.ts";
import { Resource } from "./resource.ts";
import { Service } from "./service.ts";
import { type FaultKind, Trouble } from "./trouble.ts";
import { Violation } from "./violation.ts";
import { type WaitFigures, Waits } from "./waits.ts";
import { WireRules } from "./wire-rules.ts";

/** What is simulated. The seed says it all; the rest is for the search for the few things that matter. */
export interface Plan {
  readonly seed: number;
  /** Default: one of all, by the seed. */
  readonly game?: GameName | undefined;
  /** Only faults of these kinds. Default: some of all, by the seed. */
  readonly kinds?: readonly FaultKind[] | undefined;
  /** Faults that do not happen, by number. */
  readonly muted?: ReadonlySet<number> | undefined;
  /** The rules that count. Default: all. */
  readonly rules?: readonly string[] | undefined;
  readonly machines?: number | undefined;
  readonly tasks?: number | undefined;
  /** Whether no machine has a channel, whatever the seed says. Default: false. */
  readonly isPolling?: boolean | undefined;
  /** Whether what happens is put into words. Default: false. */
  readonly isTold?: boolean | undefined;
}

export interface Outcome {
  readonly game: GameName;
  readonly violation: Violation | undefined;
  readonly kinds: readonly FaultKind[];
  /** How many faults there were. */
  readonly faults: number;
  readonly machines: number;
  readonly tasks: number;
  readonly terms: LeaseTerms;
  readonly holds: number;
  readonly losses: number;
  readonly writes: number;
  readonly requests: number;
  /** How many releases of what the dead had freed a lease, and how many came too late for that. */
  readonly ofTheDead: { readonly freed: number; readonly refused: number } | undefined;
  /** What went wrong with messages, where there is a channel. */
  readonly channel: readonly ChannelFault[] | undefined;
  readonly waits: WaitFigures;
  readonly events: number;
  /** How long it took by true time, in milliseconds. */
  readonly lastedMs: number;
  readonly lines: readonly Line[];
  /** What its holders believed and what its writers sent, for another judge. */
  readonly history: () => HistoryLine[];
}

/**
 * When the trouble has ended, everybody who waits gets in within this time: late requests arrive, leases of the dead
 * and their tickets lapse.
 */
const CALM_WITHIN_MS = 240_000;
/** The same where one long hold may follow another. */
const LONG_CALM_WITHIN_MS = 900_000;
/** From so long after the trouble on, no task has a reason to fail any more. */
const NO_EXCUSE_AFTER_MS = 65_000;
/** After so long, nothing of the trouble is left but what lapses at the next look. */
const QUIET_MS = 150_000;
const EPILOGUE_WITHIN_MS = 30_000;
/** What was given up is given back within this time, long before it would lapse. */
const GIVEN_BACK_WITHIN_MS = 6_000;
/** Then no timer runs any more: the last ones look for late hand-overs. */
const SILENT_AFTER_MS = 90_000;

/** Plays one game by its seed, from the first request to the last timer. The same plan comes to the same outcome. */
export async function simulate(plan: Plan): Promise<Outcome> {
  const { seed } = plan;
  const kernel = new Kernel();
  const journal = new Journal(kernel, plan.isTold ?? false);
  const chance = new Chance(seed, "plan");
  const isNapping = isNapSeed(seed);
  const drawn = chance.oneOf(GAMES);
  const isReleased = seed >= FIRST_RELEASED_SEED;
  const isWoken = seed >= FIRST_WOKEN_SEED && !isReleased;
  const woken = isWoken ? new Chance(seed, "woken").oneOf(WOKEN_GAMES) : undefined;
  const named = isNapping ? new Chance(seed, "naps").oneOf(NAP_GAMES) : woken;
  const name = named ?? (isOnceSeed(seed) ? "once" : drawn);
  const game = plan.game ?? name;
  const options = optionsBy(chance);
  const terms = termsOf(options);
  const machines = chance.oneOf([2, 2, 3, 3, 4]);
  const tasks = chance.oneOf([1, 1, 2, 2, 3]);
  const troubleEndsAt = isNapping ? chance.between(60_000, 120_000) : chance.between(8_000, 30_000);

  const service = new Service(kernel);
  const wire = new WireRules((rule, how) => referee.report(rule, how));
  const referee = new Referee({ kernel, service, wire, terms, rules: plan.rules });
  const trouble = new Trouble({
    seed,
    terms,
    endsAt: troubleEndsAt,
    isNapping,
    kinds: plan.kinds,
    muted: plan.muted,
    tell: (number, what) => journal.note(`fault ${number}`, () => what),
  });
  const weather = { outageUntil: 0, throttledUntil: 0 };
  const resource = new Resource(kernel, referee, new Chance(seed, "writes"), trouble);
  const gameChance = new Chance(seed, "game");
  const onceGame = (): OnceGame =>
    new OnceGame({
      key: KEY,
      service,
      referee,
      chance: gameChance,
      lockerOptions: { ...options, fair: gameChance.isOnce(0.3) },
      isCalm: () => trouble.isOver,
      onStep: (machine) => misfortune.step(machine),
    });
  const played =
    game === "once" ? onceGame() : gameOf(game, options, gameChance, (pattern) => service.blobNamed(pattern));
  const hasChannel = isWoken && !plan.isPolling;
  const messenger = hasChannel ? new Messenger({ seed, kernel, journal, endsAt: troubleEndsAt }) : undefined;
  const waits = new Waits(kernel);
  const crowd = new Crowd({
    seed,
    kernel,
    journal,
    service,
    trouble,
    weather,
    wire,
    referee,
    resource,
    game: played,
    isNapping,
    tasks: plan.tasks ?? tasks,
    tryTimeoutMs: terms.tryTimeoutMs,
    messenger,
    waits,
    noExcuseAfter: troubleEndsAt + NO_EXCUSE_AFTER_MS,
  });
  const foreigners = new Foreigners({ seed, kernel, journal, service, referee, trouble });
  const releaser = isReleased ? new Releaser({ seed, kernel, journal, service }) : undefined;
  const misfortune = new Misfortune({
    seed,
    kernel,
    trouble,
    weather,
    crowd,
    foreigners,
    referee,
    releaser,
    terms,
    endsAt: troubleEndsAt,
  });

  const until = async (what: string, endsAt: number, isOver: () => boolean): Promise<void> => {
    await kernel.run({ afterEach: () => referee.check(), isOver, until: endsAt });
    if (!isOver())
      throw new Violation("liveness", `${what} within ${Math.round(endsAt - troubleEndsAt)} ms after the trouble`);
  };
  const pass = (endsAt: number): Promise<void> =>
    kernel.run({ afterEach: () => referee.check(), isOver: () => false, until: endsAt });

  let violation: Violation | undefined;
  try {
    for (let count = plan.machines ?? machines; count > 0; count -= 1) crowd.machineJoins();
    misfortune.begin();
    await pass(troubleEndsAt);
    misfortune.end();
    journal.note("trouble", () => "is over");
    await until(
      "not everybody is through",
      troubleEndsAt + (isNapping ? LONG_CALM_WITHIN_MS : CALM_WITHIN_MS),
      () => crowd.isDone && foreigners.isDone,
    );
    await pass(Math.max(kernel.now, troubleEndsAt) + QUIET_MS);

    journal.note("epilogue", () => "everybody once more");
    const epilogueEndsAt = kernel.now + EPILOGUE_WITHIN_MS;
    crowd.epilogue();
    await until("the epilogue does not end", epilogueEndsAt, () => crowd.isDone);
    await pass(kernel.now + GIVEN_BACK_WITHIN_MS);
    const leased = await service.leased();
    if (leased.length > 0)
      referee.report("leak", `no task wants ${leased.map(({ key }) => key).join(", ")}, and it is leased`);
    await pass(kernel.now + SILENT_AFTER_MS);
    const [owed] = wire.owed;
    if (owed)
      referee.report(
        "leak",
        `${owed.machine.name} was granted ${owed.name} when it had given it up, and left it at that`,
      );
    const timers = crowd.pendingTimers;
    if (timers) referee.report("leak", timers);

    // The next lister sweeps away what is left of tickets whose making was overtaken by their removal.
    const sweptAt = kernel.now;
    crowd.epilogue({ isPatient: true });
    await until("the last ones do not get in", kernel.now + EPILOGUE_WITHIN_MS, () => crowd.isDone);
    await pass(kernel.now + 1_000);
    if (played instanceof OnceGame) played.rules.allAsked();
    const left = await ticketsBefore(service, sweptAt);
    if (left.length > 0 && SWEEPERS.has(game)) referee.report("leak", `tickets are left: ${left.join(", ")}`);
    referee.check();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
    journal.note("referee", () => error.message);
  }
  return {
    game,
    violation,
    kinds: [...trouble.kinds],
    faults: trouble.count,
    machines: plan.machines ?? machines,
    tasks: plan.tasks ?? tasks,
    terms,
    holds: referee.holds,
    losses: referee.losses,
    writes: resource.writes,
    requests: wire.requests,
    ofTheDead: releaser && { freed: releaser.freed, refused: releaser.refused },
    channel: messenger?.struck,
    waits: waits.figures,
    events: kernel.planned,
    lastedMs: kernel.now,
    lines: journal.lines,
    history: () => historyOf(`seed ${seed}`, referee, resource),
  };
}

/** From here on machines nap under every other seed, while much is held for long. */
export const FIRST_NAP_SEED = 2_001;

/** From here on waiters are woken by messages, for better or worse; under every fourth seed machines nap, too. */
export const FIRST_WOKEN_SEED = 1_000_001;

/** From here on the leases of a machine that dies are released; under every fourth seed machines nap. */
export const FIRST_RELEASED_SEED = 2_000_001;

function isNapSeed(seed: number): boolean {
  if (seed >= FIRST_WOKEN_SEED) return (seed - FIRST_WOKEN_SEED) % 4 === 3;
  return seed >= FIRST_NAP_SEED && (seed - FIRST_NAP_SEED) % 2 === 0;
}

/** From here on, every second seed without naps is about slots. */
const FIRST_ONCE_SEED = 4_002;

function isOnceSeed(seed: number): boolean {
  return seed >= FIRST_ONCE_SEED && (seed - FIRST_ONCE_SEED) % 4 === 0;
}

/** What the options promise, by our own arithmetic. */
function termsOf(options: LockerOptions): LeaseTerms {
  const { leaseSeconds = 0, marginMs = 0 } = options;
  return { ...resolveTerms(options, TRY_MS), goodForMs: leaseSeconds * 1_000 - marginMs };
}

/** The tickets that were made before that time and are there. */
async function ticketsBefore(service: Service, trueTime: number): Promise<readonly string[]> {
  const blobs = await service.blobs(".azmutex/");
  return blobs
    .filter(({ key }) => IS_TICKET.test(key) && service.lease(key).writtenAt < trueTime)
    .map(({ key }) => key);
}

const IS_TICKET = /\/\d{15}-[^/]+$/;
/** Where everybody who is through has looked at the queue, if there is one. */
const SWEEPERS: ReadonlySet<GameName> = new Set(["lock", "fair lock", "semaphore", "election"]);
const TRY_MS = 3_000;

/** Terms of all kinds: short tries make for many unanswered ones, a small margin leaves no room for mistakes. */
function optionsBy(chance: Chance): LockerOptions {
  const leaseSeconds = chance.oneOf([15, 15, 15, 20, 30]);
  const tryTimeoutMs = chance.oneOf([300, 1_000, 2_500]);
  const marginMs = chance.oneOf([leaseSeconds * 20, leaseSeconds * 20, 1_000, (leaseSeconds * 1_000) / 6]);
  const handOverMs = chance.oneOf([0, 500, 3_000, 3_000, 20_000]);
  return { leaseSeconds, tryTimeoutMs, marginMs, handOverMs };
}
