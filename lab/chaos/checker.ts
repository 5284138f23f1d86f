import { seconds } from "../shared/duration.ts";
import { grouped } from "../shared/grouped.ts";
import type { Evidence, StorageLoss } from "./evidence.ts";
import { type CertainHold, type Hold, inOrder } from "./holds.ts";
import { groupOf } from "./plan.ts";
import type { Touch } from "./register.ts";

export type Rule =
  | "overlap"
  | "lost update"
  | "stale write"
  | "token"
  | "loss"
  | "liveness"
  | "unexpected error"
  | "crash"
  | "proves too little"
  | "wall clock";

/** A rule that was broken, or would have been if the storage had not lost its leases. */
export interface Finding {
  readonly rule: Rule;
  readonly at: number;
  readonly key: string | undefined;
  readonly how: string;
}

export interface Verdict {
  readonly violations: readonly Finding[];
  /** What the storage's loss of leases and of its last seconds explains. */
  readonly excused: readonly Finding[];
}

/** What a wait may end with while everything goes wrong. */
const EXPECTED: ReadonlySet<string> = new Set(["LOCK_TIMEOUT", "STORE_UNAVAILABLE", "LOCK_LOST"]);

/** Looks for everything that must not be. The rules and their words stand in README.md. */
export function check(evidence: Evidence): Verdict {
  const byKey = grouped(evidence.holds, ({ key }) => key);
  const touchesByKey = grouped(evidence.touches, ({ key }) => key);
  const violations: Finding[] = [];
  const excused: Finding[] = [];
  const order = new Order(evidence);
  for (const [key, holds] of byKey) {
    const touches = touchesByKey.get(key) ?? [];
    for (const [finding, from, to] of [...overlapsOf(holds), ...lostUpdatesOf(holds, touches)]) {
      const isExcused = evidence.storageLosses.some(({ at, goneAt }) => from >= at && to <= goneAt + evidence.leaseMs);
      (isExcused ? excused : violations).push(finding);
    }
    const exclusive = holds.filter(({ isShared }) => !isShared);
    violations.push(...sameTokensOf(exclusive));
    for (const { finding, hold, above } of fallsOf(exclusive, order)) {
      (wasSetBackBetween(above, hold, evidence) ? excused : violations).push(finding);
    }
  }
  violations.push(
    ...staleWritesOf(evidence),
    ...fencedCountsOf(evidence),
    ...lossesOf(evidence),
    ...livenessOf(evidence),
    ...surprisesOf(evidence),
    ...tooLittleOf(evidence),
  );
  return { violations: violations.sort((a, b) => a.at - b.at), excused };
}

/** A finding, and the stretch in which it came about. */
type Within = readonly [finding: Finding, from: number, to: number];

/** Two holders at once: the stretches in which both certainly held it meet. */
function overlapsOf(holds: readonly Hold[]): Within[] {
  const found: Within[] = [];
  let open: Hold[] = [];
  for (const hold of inOrder(holds)) {
    const { from, to } = hold.certain;
    open = open.filter(({ certain }) => certain && certain.to >= from);
    for (const other of open) {
      if (hold.isShared && other.isShared) continue;
      const until = Math.min(to, other.certain?.to ?? to);
      const how =
        `${hold.id} (${hold.worker}) and ${other.id} (${other.worker}) both held it for ` +
        `${(until - from).toFixed(1)} ms`;
      found.push([{ rule: "overlap", at: from, key: hold.key, how }, from, until]);
    }
    open.push(hold);
  }
  return found;
}

/**
 * On the register that takes everything: another holder wrote between a holder's read and its write, and both writes
 * came in while their writers certainly held the lock. A write that came in later is what the fenced register is for.
 */
function lostUpdatesOf(holds: readonly Hold[], touches: readonly Touch[]): Within[] {
  const byId = new Map(holds.map((hold) => [hold.id, hold]));
  const isUnderLock = ({ hold: id, at }: Touch): boolean => {
    const certain = byId.get(id)?.certain;
    return certain !== undefined && certain.from <= at && at <= certain.to;
  };
  const writes = touches.filter((touch) => touch.kind === "write");
  return writes.flatMap((write) => {
    if (write.plain.found === write.plain.base || !isUnderLock(write)) return [];
    const between = writes.filter(
      ({ hold, plain }) => hold !== write.hold && plain.found >= write.plain.base && plain.found < write.plain.found,
    );
    return between.filter(isUnderLock).map((other): Within => {
      const how = `${write.hold} wrote over what ${other.hold} had written since it read`;
      return [{ rule: "lost update", at: write.at, key: write.key, how }, other.at, other.at];
    });
  });
}

/** A write that came to the fenced register after it had been read or written by a later holder. */
export interface StaleOffer {
  readonly touch: Touch;
  readonly later: Hold;
}

export function staleOffersOf(evidence: Evidence): StaleOffer[] {
  const order = new Order(evidence);
  const byId = new Map(evidence.holds.map((hold) => [hold.id, hold]));
  const seen = new Map<string, Set<Hold>>();
  const offers: StaleOffer[] = [];
  for (const touch of evidence.touches) {
    const hold = byId.get(touch.hold);
    if (!hold) continue;
    const others = seen.get(touch.key) ?? new Set();
    seen.set(touch.key, others);
    const later = touch.kind === "write" && [...others].findLast((other) => order.isBefore(hold, other));
    if (later) offers.push({ touch, later });
    if (touch.isAccepted) others.add(hold);
  }
  return offers;
}

function staleWritesOf(evidence: Evidence): Finding[] {
  const accepted = staleOffersOf(evidence).filter(({ touch }) => touch.isAccepted);
  return accepted.map(({ touch: { hold, token, key, at }, later }) => {
    const how =
      `the write of ${hold} under ${token} was accepted after ${later.id}, a later holder, had come under ` +
      `${later.token}`;
    return { rule: "stale write", at, key, how };
  });
}

function sameTokensOf(holds: readonly Hold[]): Finding[] {
  const owners = new Map<number | undefined, Hold>();
  return holds.flatMap((hold): Finding[] => {
    const { id, key, token, askedAt, certain } = hold;
    const other = owners.get(token);
    if (!other && token !== undefined) {
      owners.set(token, hold);
      return [];
    }
    const how = token === undefined ? `${id} has no token` : `${id} and ${other?.id} have the same token ${token}`;
    return [{ rule: "token", at: certain?.from ?? askedAt, key, how }];
  });
}

/** A holder's token is lower than that of an earlier one. */
interface Fall {
  readonly finding: Finding;
  readonly hold: CertainHold;
  readonly above: CertainHold;
}

function fallsOf(holds: readonly Hold[], order: Order): Fall[] {
  const ordered = inOrder(holds);
  return ordered.flatMap((hold, i): Fall[] => {
    const { id, worker, token = 0, certain, key } = hold;
    const above = ordered.slice(0, i).findLast((other) => (other.token ?? 0) > token && order.isBefore(other, hold));
    if (!above) return [];
    const how = `${id} (${worker}) got ${token} after ${above.id} (${above.worker}) had ${above.token}`;
    return [{ finding: { rule: "token", at: certain.from, key, how }, hold, above }];
  });
}

/** Whether the storage forgot in between what the earlier holder had written, because that was not saved yet. */
function wasSetBackBetween(above: CertainHold, hold: CertainHold, { storageLosses, leaseMs }: Evidence): boolean {
  const { from } = above.certain;
  return storageLosses.some(
    ({ at, goneAt, isRewound }) =>
      // It may have got its token before the storage was gone, and have said so after that.
      isRewound &&
      above.askedAt <= goneAt &&
      from >= at - leaseMs &&
      from <= goneAt + leaseMs &&
      hold.certain.from >= at,
  );
}

/** Which of two holds was the earlier. */
class Order {
  readonly #losses: Evidence["storageLosses"];
  readonly #leaseMs: number;

  constructor({ storageLosses, leaseMs }: Evidence) {
    this.#losses = storageLosses;
    this.#leaseMs = leaseMs;
  }

  /**
   * As a lock excludes, the order in which holds are certain is that in which they were acquired. When the storage has
   * just lost its leases it does not: then one is certainly before the other only if it was there before the other was
   * asked for.
   */
  isBefore(hold: Hold, other: Hold): boolean {
    if (!hold.certain || !other.certain) return false;
    const { from } = hold.certain;
    const areDisturbed = this.#losses.some((loss) =>
      [hold, other].every((each) => this.#isSoonAfter(loss, each.certain?.from ?? loss.at)),
    );
    return from < (areDisturbed ? other.askedAt : other.certain.from);
  }

  #isSoonAfter({ at, goneAt }: StorageLoss, moment: number): boolean {
    return moment >= at && moment <= goneAt + this.#leaseMs;
  }
}

/** Every accepted write added one, so the number says how many there were. */
function fencedCountsOf({ touches, fencedNumbers, endedAt }: Evidence): Finding[] {
  const accepted = touches.filter(({ kind, isAccepted }) => kind === "write" && isAccepted);
  const byKey = grouped(accepted, ({ key }) => key);
  return Object.entries(fencedNumbers).flatMap(([key, number]) => {
    const writes = byKey.get(key)?.length ?? 0;
    const how = `the fenced number is ${number} after ${writes} accepted increments`;
    return number === writes ? [] : [{ rule: "stale write" as const, at: endedAt, key, how }];
  });
}

/** Nothing here breaks a lease or deletes a blob that is leased, but a storage that comes back without them. */
function lossesOf({ holds, storageLosses }: Evidence): Finding[] {
  const ended = holds.filter(({ left }) => left === "broken" || left === "deleted");
  return ended.flatMap(({ id, worker, key, left, askedAt, certain }): Finding[] => {
    if (storageLosses.some(({ goneAt }) => goneAt >= askedAt)) return [];
    const how = `${id} (${worker}) took it for ${left}, and the storage was not lost since it was asked for`;
    return [{ rule: "loss", at: certain?.to ?? askedAt, key, how }];
  });
}

function livenessOf({ calms, actors, holds }: Evidence): Finding[] {
  const byActor = grouped(holds, ({ actor }) => actor);
  return calms.flatMap(({ from, to }) =>
    actors.flatMap(({ name, key }): Finding[] => {
      const gotIn = byActor.get(name)?.some(({ certain }) => certain && certain.to >= from && certain.from <= to);
      if (gotIn) return [];
      return [
        {
          rule: "liveness",
          at: to,
          key,
          how: `${name} did not get in for ${seconds(to - from)} though nothing went wrong any more`,
        },
      ];
    }),
  );
}

function surprisesOf({ refusals, crashes, endedAt, wallClockStepMs, leaseMs }: Evidence): Finding[] {
  const found: Finding[] = refusals
    .filter(({ code }) => !EXPECTED.has(code))
    .map(({ actor, at, code, message }) => ({
      rule: "unexpected error",
      at,
      key: undefined,
      how: `${actor}: ${code}: ${message}`,
    }));
  for (const how of crashes) found.push({ rule: "crash", at: endedAt, key: undefined, how });
  if (Math.abs(wallClockStepMs) > leaseMs / 20) {
    const how =
      `the machine's wall clock was set by ${wallClockStepMs.toFixed(0)} ms: the storage counts leases by ` +
      "it, so nothing is proved";
    found.push({ rule: "wall clock", at: endedAt, key: undefined, how });
  }
  return found;
}

/** A run in which little happened is no proof. */
function tooLittleOf({ endedAt, leaseMs, holds, actors, planned, troubles, touches }: Evidence): Finding[] {
  const lacking: string[] = [];
  const atLeast = Math.floor(endedAt / leaseMs);
  for (const key of new Set(actors.map(({ key }) => key))) {
    const count = holds.filter((hold) => (hold.key === key || hold.key.startsWith(`${key}/`)) && hold.certain).length;
    if (count < atLeast) lacking.push(`${key} was held ${count} times in ${seconds(endedAt)}`);
  }
  for (const group of new Set(planned.map(groupOf))) {
    if (!troubles.some((struck) => struck.hasHit && groupOf(struck) === group)) lacking.push(`there were no ${group}`);
  }
  if (!touches.some(({ kind, isAccepted }) => kind === "write" && !isAccepted))
    lacking.push("no write was refused, so none was late");
  return lacking.map((how) => ({ rule: "proves too little", at: endedAt, key: undefined, how }));
}
