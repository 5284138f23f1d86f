import type { LeaseTerms } from "../../src/lease/terms.ts";
import { Chance } from "../shared/chance.ts";

/**
 * Everything that goes wrong, by kind. A run has some of them: with all at once, no task would ever get anything done.
 */
const FAULTS = [
  // What happens to single messages.
  "request lost",
  "answer lost",
  "request late",
  "answer late",
  "request doubled",
  "server error",
  // What happens to the way to the service, or to the service, for a while.
  "partition",
  "outage",
  "throttling",
  "credentials refused",
  // What happens to machines.
  "stall",
  "suspend",
  "freeze",
  "clock jump",
  "crash",
  // What others do.
  "go peer",
  "broken at once",
  "broken softly",
  "blob deleted",
  "container deleted",
  "blob overwritten",
  // What voids the guarantee: only tokens are left.
  "long freeze",
] as const;
/** What goes wrong where machines nap: each of these in every run. */
const NAP_FAULTS = ["nap", "process end", "server error"] as const;
export type FaultKind = (typeof FAULTS)[number] | (typeof NAP_FAULTS)[number];

/** What becomes of one message. */
export interface Fate {
  /** How long the request takes to arrive; undefined if it never does. */
  readonly outMs: number | undefined;
  /** How long its answer takes; undefined if it never comes. */
  readonly backMs: number | undefined;
  /**
   * After how many milliseconds the sender's connection breaks, if no answer came before. Undefined: it waits for ever.
   */
  readonly resetAfterMs: number | undefined;
  /** How long after the first the request arrives once more. */
  readonly againAfterMs: number | undefined;
  /** The service answers with a 500, and did what it was asked or not. */
  readonly serverError: "before" | "after" | undefined;
}

/** A fault that lasts, or happens, at its own time. */
export interface TimedFault {
  readonly kind: FaultKind;
  readonly at: number;
  readonly forMs: number;
  /** To choose which machine it meets, and how. */
  readonly dice: readonly [number, number, number];
}

export interface TroubleOptions {
  readonly seed: number;
  readonly terms: LeaseTerms;
  readonly endsAt: number;
  /** Whether machines nap, and little else goes wrong. */
  readonly isNapping: boolean;
  /** Only of these kinds. Default: of some, as chance will have it. */
  readonly kinds?: readonly FaultKind[] | undefined;
  /** Faults that do not happen, by number: for the search for the few that matter. */
  readonly muted?: ReadonlySet<number> | undefined;
  /** The message in question: how a fault of it is told in the journal. */
  readonly tell: (number: number, what: string) => void;
}

/** How many faults of a kind there are on average in a run, if it is one that happens at its own time. */
const TIMED: Readonly<Partial<Record<FaultKind, number>>> = {
  partition: 2,
  outage: 0.7,
  throttling: 0.7,
  "credentials refused": 1,
  stall: 2.5,
  suspend: 2,
  nap: 6,
  "process end": 0.7,
  freeze: 2,
  "clock jump": 1.5,
  crash: 0.8,
  "go peer": 2,
  "broken at once": 1,
  "broken softly": 1,
  "blob deleted": 1.2,
  "container deleted": 1,
  "blob overwritten": 2,
  "long freeze": 1,
};
/** Long enough to be noticed, and too short for a lease to run out. */
const NAP_MS = [1_050, 5_000] as const;
/** With which probability a run has a kind of fault. */
const COMMON = 0.45;
const RARE = 0.12;
const RARE_KINDS: ReadonlySet<FaultKind> = new Set([
  "broken at once",
  "container deleted",
  "long freeze",
  "throttling",
  "outage",
]);
/**
 * How many times as likely as at a poll's answer a machine stands still at that of a renewal, on which everything
 * hangs.
 */
const RENEWALS_SHARE = 15;
/** The service works on a request for up to this long. */
const LATEST_MS = 30_000;

/** What goes wrong in one run, by its seed. When the trouble is over, every message arrives. */
export class Trouble {
  readonly kinds: ReadonlySet<FaultKind>;
  readonly #terms: LeaseTerms;
  readonly #muted: ReadonlySet<number>;
  readonly #tell: (number: number, what: string) => void;
  readonly #messages: Chance;
  readonly #answers: Chance;
  readonly #intensity: number;
  readonly #pauseIntensity: number;
  readonly #lifetimes: Chance;
  #count = 0;
  isOver = false;
  readonly timed: readonly TimedFault[];

  constructor({ seed, terms, endsAt, isNapping, kinds, muted, tell }: TroubleOptions) {
    this.#terms = terms;
    this.#muted = muted ?? new Set();
    this.#tell = tell;
    const profile = new Chance(seed, "kinds of faults");
    const drawn = FAULTS.filter((kind) => profile.isOnce(RARE_KINDS.has(kind) ? RARE : COMMON));
    this.kinds = new Set(kinds ?? (isNapping ? NAP_FAULTS : drawn));
    this.#messages = new Chance(seed, "messages");
    this.#answers = new Chance(seed, "pauses at answers");
    this.#lifetimes = new Chance(seed, "how long");
    this.#intensity = profile.oneOf([0.01, 0.03, 0.06, 0.12]);
    this.#pauseIntensity = profile.oneOf([0, 0.003, 0.01, 0.03]);
    this.timed = this.#plan(isNapping ? NAP_FAULTS : FAULTS, new Chance(seed, "timed faults"), endsAt);
  }

  /** Whether a foreigner overwrites a lock that was given back, in this very moment. */
  get isOverwritten(): boolean {
    return (
      !this.isOver &&
      this.kinds.has("blob overwritten") &&
      this.#messages.isOnce(0.15) &&
      this.strikes("blob overwritten: just given back")
    );
  }

  /** Counts one more fault. False if it is not to happen. */
  strikes(what: string): boolean {
    this.#count += 1;
    if (this.#muted.has(this.#count)) return false;
    this.#tell(this.#count, what);
    return true;
  }

  /** How many faults there were. */
  get count(): number {
    return this.#count;
  }

  /** What becomes of a message on a way that takes so long on average. */
  fateOf(oneWayMs: number, operation: string): Fate {
    const chance = this.#messages;
    const out = oneWayMs * chance.between(0.5, 1.5);
    const back = oneWayMs * chance.between(0.5, 1.5);
    const fate: Fate = {
      outMs: out,
      backMs: back,
      resetAfterMs: undefined,
      againAfterMs: undefined,
      serverError: undefined,
    };
    if (this.isOver) return fate;
    if (!chance.isOnce(shareOf(operation) * this.#intensity)) return fate;
    const kind = chance.oneOf([
      "request lost",
      "answer lost",
      "request late",
      "answer late",
      "request doubled",
      "server error",
    ]);
    const ms = this.durationMs(chance);
    const isReset = chance.isOnce(0.5);
    const when = chance.isOnce(0.5) ? "before" : "after";
    if (!this.kinds.has(kind) || !this.strikes(`${operation}: ${kind}${kind === "server error" ? ` (${when})` : ""}`))
      return fate;
    const resetAfterMs = isReset ? out + back : undefined;
    switch (kind) {
      case "request lost":
        return { ...fate, outMs: undefined, resetAfterMs };
      case "answer lost":
        return { ...fate, backMs: undefined, resetAfterMs };
      case "request late":
        return { ...fate, outMs: ms, resetAfterMs: isReset ? back : undefined };
      case "answer late":
        return { ...fate, backMs: ms };
      case "request doubled":
        return { ...fate, againAfterMs: ms };
      case "server error":
        return { ...fate, serverError: when };
    }
  }

  /**
   * Whether, and for how long, a machine stands still when an answer has come, and whether that is before it is read.
   */
  pauseAtAnswer(
    operation: string,
  ): { readonly pause: "stall" | "suspend"; readonly ms: number; readonly isBefore: boolean } | undefined {
    const chance = this.#answers;
    if (
      this.isOver ||
      !chance.isOnce((operation === "renew" ? RENEWALS_SHARE : shareOf(operation)) * this.#pauseIntensity)
    )
      return undefined;
    const pause = chance.oneOf(["stall", "suspend"]);
    const ms = this.durationMs(chance);
    const isBefore = chance.isOnce(0.5);
    if (!this.kinds.has(pause)) return undefined;
    return { pause, ms, isBefore };
  }

  /** A time at which something interesting ends: now and then just before or after a time that matters. */
  durationMs(chance: Chance = this.#lifetimes): number {
    const { leaseSeconds, goodForMs, tryTimeoutMs, renewEveryMs } = this.#terms;
    const leaseMs = leaseSeconds * 1_000;
    // What begins with a renewal and lasts until just after the deadline before it is interesting, too.
    const renewed = goodForMs - renewEveryMs + 500;
    const around = chance.oneOf([tryTimeoutMs, 2 * tryTimeoutMs, renewEveryMs, renewed, goodForMs, leaseMs]);
    switch (chance.upTo(4)) {
      case 0:
        return chance.between(20, 1_000);
      case 1:
        return chance.between(0, leaseMs);
      case 2:
        return Math.min(LATEST_MS, Math.max(1, around + chance.between(-500, 500)));
      default:
        return chance.between(0, LATEST_MS);
    }
  }

  #plan(kinds: readonly FaultKind[], chance: Chance, endsAt: number): readonly TimedFault[] {
    return kinds.flatMap((kind) => {
      const mean = TIMED[kind] ?? 0;
      const faults: TimedFault[] = [];
      for (let at = 0; mean > 0; ) {
        at += (-endsAt / mean) * Math.log(1 - chance.random());
        if (at >= endsAt) break;
        const forMs = kind === "nap" ? chance.between(...NAP_MS) : this.durationMs(chance);
        faults.push({ kind, at, forMs, dice: [chance.random(), chance.random(), chance.random()] });
      }
      return this.kinds.has(kind) ? faults : [];
    });
  }
}

/** Most requests are polls: renewals, releases and whatever else is rare gets more than its share. */
function shareOf(operation: string): number {
  return operation === "acquire" || operation === "list" ? 1 : 3;
}
