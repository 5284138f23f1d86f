import type { BreakOptions, BreakResult, Holder, LockStatus } from "../../index.ts";
import { longestBreakSeconds } from "../../status/breaking.ts";
import { UNNAMED_HOLDER } from "../../status/holder-name.ts";
import { printable } from "../../status/printable.ts";
import { NO_CONTAINER, named, shownSince, shownTime, whereabouts } from "./lock-labels.ts";

/** What is to be broken: a lock, a permit, or a reader's part of a lock. */
export interface Target {
  /** The credentials do not allow to list permits and readers: only the break shows whether it is held. */
  readonly isUnseen?: boolean;
  readonly state: LockStatus["state"];
  readonly infinite: boolean;
  readonly holder?: Holder;
  readonly purpose?: string;
  readonly leaseSeconds?: number;
  readonly recordedAt?: Date;
}

/** What of the key is to be broken. Undefined if it is not held. */
export function targetIn(status: LockStatus, { permit, reader }: BreakOptions): Target | undefined {
  const isHelper = permit !== undefined || reader !== undefined;
  if (isHelper && status.waiting === undefined) return { isUnseen: true, state: "leased", infinite: false };
  if (reader !== undefined) {
    const found = status.readers?.find(({ holder }) => holder.name === reader);
    return found && { ...found, infinite: false };
  }
  if (permit !== undefined) {
    const found = status.semaphore?.held.find(({ slot }) => slot === permit);
    return found && { ...found, infinite: false };
  }
  return status.isHeld ? status : undefined;
}

/**
 * `nightly is held by build-7:4123 (deploy 42), since …; its holder will be stopped: …; it is free in at most 30 s;
 * break it?`
 */
export function breakQuestion(key: string, terms: BreakOptions, target: Target, now: number, place?: string): string {
  const leaseSeconds = longestBreakSeconds(target);
  const longest = target.infinite
    ? (terms.periodSeconds ?? 0)
    : Math.min(leaseSeconds, terms.periodSeconds ?? leaseSeconds);
  const then = longest === 0 ? `it is free at once, and ${MEANWHILE}` : `it is free in at most ${longest} s`;
  return `${stateText(placedWhat(key, terms, place), terms, target, now)}; ${HOLDER_STOPPED}; ${then}; break it?`;
}

const HOLDER_STOPPED = "its holder will be stopped: it loses the lock, and azmutex run kills its job";
const MEANWHILE = "its holder goes on until its next renewal fails: until then two may be at work";

function stateText(what: string, terms: BreakOptions, target: Target, now: number): string {
  const { isUnseen, state, infinite, holder, purpose, recordedAt } = target;
  const breaking = state === "breaking" ? "breaking, and " : "";
  if (isUnseen) return `these credentials do not allow to see who holds ${what}`;
  if (terms.reader !== undefined) return `${what} is ${breaking}held`;
  // No locker takes an infinite lease: the record is of a holder before.
  const present = infinite ? undefined : holder;
  const since = present && recordedAt ? `, since ${shownSince(recordedAt, now)}` : "";
  return `${what} is ${breaking}held by ${named(present, purpose)}${since}`;
}

/** What came of it. */
export function resultLine(key: string, terms: BreakOptions, result: BreakResult, place?: string): string {
  const what = placedWhat(key, terms, place);
  switch (result.outcome) {
    case "broken": {
      const { freeInSeconds, holder } = result;
      const whose = terms.reader === undefined ? `${what}: broke the lease of ${named(holder)}` : `broke ${what}`;
      return `${whose}; ${freeInSeconds === 0 ? `free now, and ${MEANWHILE}` : `free in ${freeInSeconds} s`}`;
    }
    case "notHeld":
      return `${what}: it is not held${result.isContainerMissing ? `: ${NO_CONTAINER}` : ""}`;
    case "heldByAnother": {
      const butNot = terms.ifHolder === undefined ? " by now" : `, not by ${printable(terms.ifHolder)}`;
      return `${what} is held by ${named(result.holder)}${butNot}: nothing was changed`;
    }
  }
}

/** Who breaks locks, and by what. */
export interface Breaker {
  /** `alice@build-7` */
  readonly name: string;
  readonly by: "azmutex break" | "the status page";
}

/** For a log: who broke which lock, when, and whose it was. Undefined if nothing was broken. */
export function breakLogLine(
  key: string,
  terms: BreakOptions,
  result: BreakResult,
  who: Breaker,
  now: number,
  place?: string,
): string | undefined {
  if (result.outcome !== "broken") return undefined;
  const { holder, freeInSeconds } = result;
  const whose = `held by ${holder ? whereabouts(holder) : UNNAMED_HOLDER}`;
  return (
    `${shownTime(now)} ${who.name} broke ${placedWhat(key, terms, place)} by ${who.by}; it was ${whose}, and ` +
    `is free in ${freeInSeconds} s`
  );
}

function placedWhat(key: string, terms: BreakOptions, place: string | undefined): string {
  return `${whatOf(key, terms)}${place === undefined ? "" : ` in ${place}`}`;
}

function whatOf(key: string, { permit, reader }: BreakOptions): string {
  if (permit !== undefined) return `permit ${permit} of ${printable(key)}`;
  return reader === undefined ? printable(key) : `the read lock of ${printable(reader)} on ${printable(key)}`;
}
