import { isMutexError, type LockLostError } from "../../src/errors.ts";
import type { LeaseTerms } from "../../src/lease/terms.ts";
import type { Invariant } from "./invariants.ts";
import { short } from "./journal.ts";
import type { Kernel } from "./kernel.ts";
import type { Machine } from "./machine.ts";
import type { Service } from "./service.ts";
import { Violation } from "./violation.ts";
import { type LeaseFacts, sleptSince, type WireRules } from "./wire-rules.ts";

export interface RefereeOptions {
  readonly kernel: Kernel;
  readonly service: Service;
  readonly wire: WireRules;
  readonly terms: LeaseTerms;
  /** The rules that count. Default: all. */
  readonly rules?: readonly string[] | undefined;
}

/** What is held, as far as it concerns the rules. */
export interface Held {
  readonly isHeld: boolean;
  readonly signal?: AbortSignal;
  /** Throws unless it is held. */
  assertHeld?(): void;
}

/** A part of something that only so many may have. */
export interface Claim {
  /** What it is a part of. */
  readonly group: string;
  /** How many parts there are. */
  readonly limit: number;
  readonly weight: number;
  readonly held: Held;
  /** The blob that is leased for it, or what its name begins with. */
  readonly blob: string;
  readonly leaseId?: string | undefined;
  /** Tokens of one such sequence grow in the order of holding. */
  readonly tokens?: string | undefined;
  readonly token?: number | undefined;
  readonly machine: Machine | undefined;
  /** What else is lost if this is: all that is held together bears the same. */
  readonly together?: unknown;
  /** For how long after the request that got it the lease is good. Default: as the terms of the run have it. */
  readonly goodForMs?: number;
}

/** A claim that was made. */
export class Tenancy {
  readonly claim: Claim;
  readonly leaseId: string | undefined;
  /**
   * Where it stands among all who held the blob: by the order in which the service had owners, then by that in which
   * they held it.
   */
  readonly order: Order;
  readonly since: number;
  /** Its holder has begun to give it back. */
  isEnding = false;
  /** Its lease ended early, or its machine's clocks are off: two may hold it, until it finds out. */
  isExcused = false;
  /** When its holder's clock was first seen to say that it is over, in true time. */
  overSince: number | undefined;
  /** When it was first and last seen to be held, without an excuse, in true time. */
  seenHeld: { readonly from: number; readonly to: number } | undefined;
  /** When its holder was told that it is given back. */
  releasedAt: number | undefined;

  constructor(claim: Claim, leaseId: string | undefined, order: Order, since: number) {
    this.claim = claim;
    this.leaseId = leaseId;
    this.order = order;
    this.since = since;
  }
}

interface Order {
  readonly epoch: number;
  readonly count: number;
}

interface Group {
  readonly name: string;
  readonly limit: number;
  taken: number;
}

/**
 * The signal follows the clock as soon as the event loop turns; after a sleep, when the watch for sleep has looked,
 * once a second.
 */
const SIGNAL_LATE_MS = 1_250;
/** For how long a hold of which no lease id is known may stem from a lease that ended early before. */
const EXCUSED_MS = 60_000;

/** Looks after every event whether all who hold something keep to the rules, by true time and by their own clocks. */
export class Referee {
  readonly #rules: ReadonlySet<string> | undefined;
  readonly #kernel: Kernel;
  readonly #service: Service;
  readonly #wire: WireRules;
  readonly #terms: LeaseTerms;
  readonly #present = new Set<Tenancy>();
  readonly #groups = new Map<string, Group>();
  readonly #tokens = new Map<string, Tenancy[]>();
  readonly #condemned = new Set<string>();
  readonly #excuses: {
    readonly machine: Machine | undefined;
    readonly blob: string | undefined;
    readonly until: number;
  }[] = [];
  readonly #givenOut = new Set<string>();
  /** Of what is held together, that of which something was lost: the rest is left to lapse. */
  readonly #lapsing = new Set<unknown>();
  /** What went wrong outside of the check after each event. */
  #violation: Violation | undefined;
  #count = 0;
  /** How many holds there were, and how many of them were lost. */
  holds = 0;
  losses = 0;
  /** All claims that were made. */
  readonly tenancies: Tenancy[] = [];

  constructor({ kernel, service, wire, terms, rules }: RefereeOptions) {
    this.#rules = rules && new Set(rules);
    this.#kernel = kernel;
    this.#service = service;
    this.#wire = wire;
    this.#terms = terms;
    service.onEndedEarly = (name, leaseId) => this.#condemn(leaseId, name);
    wire.onRelease = (leaseId, facts) => this.#onRelease(leaseId, facts);
  }

  /** A task was just given what it asked for. */
  entered(claim: Claim): Tenancy {
    const { blob, machine, held, tokens } = claim;
    const { now } = this.#kernel;
    if (!held.isHeld && (!machine || machine.isRunning))
      this.report("held when given", `what ${nameOf(machine)} was given of ${claim.group} is not held`);
    const lease = this.#service.lease(blob);
    const leaseId =
      claim.leaseId ??
      (lease.owner !== undefined && this.#wire.facts(lease.owner)?.machine === machine ? lease.owner : undefined);
    this.#count += 1;
    const order = { epoch: leaseId === undefined ? 0 : lease.epochOf(leaseId), count: this.#count };
    const tenancy = new Tenancy(claim, leaseId, order, now);
    tenancy.isExcused =
      (leaseId !== undefined && this.isCondemned(leaseId)) ||
      (leaseId === undefined &&
        this.#excuses.some(
          (excuse) => excuse.machine === machine && excuse.until > now && (excuse.blob?.startsWith(blob) ?? true),
        ));
    if (leaseId !== undefined && this.#givenOut.has(leaseId)) {
      this.report(
        "conditions",
        `${nameOf(machine)} was handed ${claim.group} under lease ${short(leaseId)}, which may still be in ` +
          "a write of the one before",
      );
    }
    const facts = leaseId === undefined ? undefined : this.#wire.facts(leaseId);
    if (facts) facts.wasHeld = true;
    this.#present.add(tenancy);
    this.tenancies.push(tenancy);
    this.holds += 1;
    if (tokens !== undefined) this.#checkToken(tenancy, tokens);
    const { signal } = held;
    if (signal && !signal.aborted)
      signal.addEventListener("abort", () => this.#onLoss(tenancy, signal.reason as LockLostError));
    return tenancy;
  }

  /** Its holder calls `release()` now. */
  ending(tenancy: Tenancy): void {
    tenancy.isEnding = true;
  }

  /** Whatever a machine holds is released now. */
  endingAll(machine: Machine): void {
    for (const tenancy of this.#present) if (tenancy.claim.machine === machine) tenancy.isEnding = true;
  }

  left(tenancy: Tenancy): void {
    tenancy.isEnding = true;
    this.#present.delete(tenancy);
  }

  /** The lease id may be in a write that is on its way. */
  gaveOut(leaseId: string): void {
    this.#givenOut.add(leaseId);
  }

  /** Nothing of a dead machine is held any more. */
  died(machine: Machine): void {
    for (const tenancy of this.#present) if (tenancy.claim.machine === machine) this.#present.delete(tenancy);
  }

  /** The clocks of a machine have lost more than it may. */
  clocksOff(machine: Machine): void {
    for (const leaseId of this.#wire.leaseIdsOf(machine)) this.#condemned.add(leaseId);
    for (const tenancy of this.#present) if (tenancy.claim.machine === machine) tenancy.isExcused = true;
    this.#excuses.push({ machine, blob: undefined, until: Number.POSITIVE_INFINITY });
  }

  /** Gave it back, and was told that this went well. */
  released(tenancy: Tenancy, isAwaited: boolean): void {
    const { claim, leaseId } = tenancy;
    tenancy.releasedAt = this.#kernel.now;
    if (isAwaited || leaseId === undefined) return;
    const facts = this.#wire.facts(leaseId);
    // Lost on the way: it is given back in the background, or lapses.
    if (
      !facts ||
      facts.refused ||
      facts.endRefused ||
      elapsedSince(facts, facts.machine) >= (claim.goodForMs ?? this.#terms.goodForMs)
    )
      return;
    const lease = this.#service.lease(claim.blob);
    if (!lease.isLeasedBy(leaseId, this.#kernel.now) || lease.wasGivenUp(leaseId)) return;
    if ([...this.#present].some((other) => other.claim.held !== claim.held && other.leaseId === leaseId)) return;
    this.report(
      "released",
      `${nameOf(claim.machine)} has released ${claim.group}, and its lease ${short(leaseId)} stands`,
    );
  }

  /** A rule is broken. */
  report(rule: Invariant, how: string): void {
    if (!this.#rules || this.#rules.has(rule)) this.#violation ??= new Violation(rule, how);
  }

  /** Throws the first rule that is broken. */
  check(): void {
    if (this.#violation) throw this.#violation;
    if (this.#present.size === 0) return;
    for (const group of this.#groups.values()) group.taken = 0;
    for (const tenancy of this.#present) {
      const { claim } = tenancy;
      const isHeld = claim.machine?.pause !== "freeze" && claim.held.isHeld;
      if (tenancy.leaseId !== undefined && claim.machine)
        this.#checkClock(tenancy, tenancy.leaseId, claim.machine, isHeld);
      if (!isHeld || tenancy.isExcused) continue;
      tenancy.seenHeld = { from: tenancy.seenHeld?.from ?? this.#kernel.now, to: this.#kernel.now };
      const group = this.#groups.get(claim.group) ?? { name: claim.group, limit: claim.limit, taken: 0 };
      this.#groups.set(claim.group, group);
      group.taken += claim.weight;
      if (group.taken > group.limit) this.report("exclusion", this.#holdersOf(group));
    }
    if (this.#violation) throw this.#violation;
  }

  /** What the holder's own clock says of its lease, and what it was told. */
  #checkClock(tenancy: Tenancy, leaseId: string, machine: Machine, isHeld: boolean): void {
    const facts = this.#wire.facts(leaseId);
    if (!facts) return;
    const what = `${machine.name}'s lease ${short(leaseId)} of ${tenancy.claim.group}`;
    if (isHeld && facts.refused)
      this.report("refusal is loss", `${what} was refused (${facts.refused}), and it is held`);
    if (isHeld && tenancy.claim.held.signal?.aborted)
      this.report("lost for ever", `${what} was given up, and it is held again`);
    noteSleep(facts, machine);
    const elapsed = elapsedSince({ lastGood: facts.perhapsGood ?? facts.lastGood }, machine);
    if (elapsed < (tenancy.claim.goodForMs ?? this.#terms.goodForMs)) {
      // An answer that had come in time, and was read late.
      tenancy.overSince = undefined;
      if (!isHeld && !tenancy.isEnding && !facts.refused && isSaidLost(tenancy.claim.held)) {
        this.report(
          "loss",
          `${what} is said to be lost ${Math.round(elapsed)} ms after its last renewal, and may yet be held again`,
        );
      }
    } else {
      tenancy.overSince ??= this.#kernel.now;
      if (isHeld)
        this.report("deadline", `${what} is held ${Math.round(elapsed)} ms after the last request that was answered`);
      const lateMs = Math.min(this.#kernel.now - tenancy.overSince, machine.runningMs);
      const { signal } = tenancy.claim.held;
      if (lateMs > SIGNAL_LATE_MS && !tenancy.isEnding && signal && !signal.aborted) {
        this.report("signal", `${what} has been over for ${Math.round(lateMs)} ms, and its signal has not aborted`);
      }
    }
  }

  /** A holder was told that it has lost what it had. */
  #onLoss({ claim, leaseId, isExcused }: Tenancy, reason: LockLostError): void {
    const { machine } = claim;
    if (leaseId === undefined || !machine) return;
    const facts = this.#wire.facts(leaseId);
    this.losses += 1;
    if (this.#lapsing.has(claim.together)) return;
    if (claim.together) this.#lapsing.add(claim.together);
    if (!facts || facts.refused) return;
    // Its process has ended all that it held.
    if (reason?.why === "released") return;
    // It stands, and its blob says that others have had it since it ended early.
    if (isExcused && reason?.why === "taken") return;
    const what = `${machine.name}'s lease ${short(leaseId)} of ${claim.group}`;
    const elapsed = elapsedSince(facts, machine);
    if (elapsed < this.#terms.goodForMs)
      this.report("loss", `${what} is given up (${reason?.why}) ${Math.round(elapsed)} ms after its last renewal`);
    const waiting = facts.arrived.find(({ round }) => machine.isAtTimers || round < machine.round);
    if (waiting && elapsedSince({ lastGood: waiting.sent }, machine) < this.#terms.goodForMs) {
      this.report("loss", `${what} is given up, though the answer that prolongs it is there`);
    }
  }

  #onRelease(leaseId: string, facts: LeaseFacts): void {
    for (const tenancy of this.#present) {
      if (tenancy.leaseId !== leaseId || tenancy.isEnding || tenancy.isExcused) continue;
      // A clock that jumps back later does not bring it to life again.
      facts.hasLapsed ||= elapsedAtMost(facts, facts.machine) >= this.#terms.leaseSeconds * 1_000;
      if (facts.hasLapsed) continue;
      this.report(
        "released early",
        `${facts.machine.name} releases lease ${short(leaseId)} of ${tenancy.claim.group} while the work ` +
          "under it may go on",
      );
    }
  }

  #checkToken(tenancy: Tenancy, name: string): void {
    const { token, machine } = tenancy.claim;
    if (token === undefined) return;
    const all = this.#tokens.get(name) ?? [];
    this.#tokens.set(name, all);
    for (const other of all) {
      const otherToken = other.claim.token ?? 0;
      if (token === otherToken) this.report("tokens", `token ${token} of ${name} was given out twice`);
      if ((tenancy.leaseId === undefined && tenancy.isExcused) || (other.leaseId === undefined && other.isExcused))
        continue;
      const isLater = isAfter(tenancy.order, other.order);
      if (isLater === token > otherToken) continue;
      const [first, second] = isLater ? [other, tenancy] : [tenancy, other];
      this.report(
        "tokens",
        `${nameOf(machine)} got ${token} of ${name}: ${nameOf(second.claim.machine)}'s ` +
          `${second.claim.token} came after ${nameOf(first.claim.machine)}'s ${first.claim.token}`,
      );
    }
    all.push(tenancy);
  }

  /** Whether a lease ended early, or its machine's clocks are off. Another id makes it no younger. */
  isCondemned(leaseId: string): boolean {
    return this.#condemned.has(leaseId) || this.#condemned.has(this.#wire.grantedAs(leaseId));
  }

  #condemn(leaseId: string, name: string): void {
    this.#condemned.add(leaseId);
    const machine = this.#wire.machineOf(leaseId);
    this.#excuses.push({ machine, blob: name, until: this.#kernel.now + EXCUSED_MS });
    for (const tenancy of this.#present) {
      const { claim } = tenancy;
      const isUnderIt =
        tenancy.leaseId === undefined
          ? claim.machine === machine && name.startsWith(claim.blob)
          : tenancy.leaseId === leaseId;
      if (isUnderIt) tenancy.isExcused = true;
    }
  }

  #holdersOf({ name, limit }: Group): string {
    const holders = [...this.#present].filter(
      ({ claim, isExcused }) => claim.group === name && claim.held.isHeld && !isExcused,
    );
    const shown = holders.map(
      ({ claim, leaseId }) => `${nameOf(claim.machine)} (lease ${short(leaseId)}, token ${claim.token})`,
    );
    return `${name} has room for ${limit} and is held by ${shown.join(" and ")}`;
  }
}

/** Whether its holder is told that it is lost, and by its signal not yet. */
function isSaidLost(held: Held): boolean {
  if (held.signal?.aborted) return false;
  try {
    held.assertHeld?.();
    return false;
  } catch (error) {
    return isMutexError(error) && error.code === "LOCK_LOST";
  }
}

/** By the holder's own clocks: the larger of the two. */
function elapsedSince({ lastGood }: Pick<LeaseFacts, "lastGood">, machine: Machine): number {
  if (!lastGood) return Number.POSITIVE_INFINITY;
  return Math.max(machine.now() - lastGood.monotonic, machine.uptime() - lastGood.uptime);
}

/** The same, whatever the clock that counts sleep was put back to meanwhile. */
function elapsedAtMost(facts: LeaseFacts, machine: Machine): number {
  const { lastGood, slept } = facts;
  const elapsed = elapsedSince(facts, machine);
  return lastGood && slept?.since === lastGood
    ? Math.max(elapsed, machine.now() - lastGood.monotonic + slept.ms)
    : elapsed;
}

function noteSleep(facts: LeaseFacts, machine: Machine): void {
  const { lastGood } = facts;
  if (!lastGood) return;
  const ms = sleptSince(lastGood, machine);
  if (facts.slept?.since !== lastGood || facts.slept.ms < ms) facts.slept = { since: lastGood, ms };
}

export function isAfter(a: Order, b: Order): boolean {
  return a.epoch === b.epoch ? a.count > b.count : a.epoch > b.epoch;
}

function nameOf(machine: Machine | undefined): string {
  return machine?.name ?? "a foreigner";
}
