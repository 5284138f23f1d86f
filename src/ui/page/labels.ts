import { UNNAMED_HOLDER } from "../../status/holder-name.ts";
import { printable } from "../../status/printable.ts";
import type {
  BreakingView,
  HoldOutcome,
  HoldView,
  LockState,
  LockView,
  Loss,
  Part,
  Since,
  Snapshot,
} from "../snapshot.ts";

/** `acme/locks`: the account or its host, and the container. */
export function placeLabel({ account, container }: Pick<Snapshot, "account" | "container">): string {
  return account === undefined ? container : `${account}/${container}`;
}

/** `45 s`, `3 min`, `2 h 5 min`, `4 d` */
export function duration(ms: number, round: (value: number) => number = Math.floor): string {
  const seconds = Math.max(0, round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${round(minutes / (24 * 60))} d`;
}

/** The `dateTime` of a `<time>`. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** `13:05:12`, and the day unless it is today's. */
export function clockTime(ms: number, now: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date(now).toDateString()
    ? time
    : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

const STATE_LABELS: Readonly<Record<LockState, string>> = {
  held: "held",
  breaking: "breaking",
  inUse: "in use",
  free: "free",
  expired: "ran out",
  broken: "broken",
};

export function stateLabel({ state, infinite, mixedUse, semaphore, readers }: LockView): string {
  if (mixedUse !== undefined) return "mixed use";
  if (state === "inUse" && semaphore) return `${semaphore.held.length} of ${semaphore.permits}`;
  if (state === "inUse") return `${readers.length} ${readers.length === 1 ? "reader" : "readers"}`;
  return infinite && state === "held" ? "held, infinite" : STATE_LABELS[state];
}

/** A sentence for each state. */
export const STATE_MEANINGS: Readonly<Record<LockState, string>> = {
  held: "The lock is held.",
  breaking: "The lease was broken and is not renewed any more.",
  inUse: "The lock itself is free.",
  free: "The lock is free.",
  expired: "The lock is free. Its last holder did not release it: the lease ran out.",
  broken: "The lock is free. The lease of its last holder was broken.",
};

/** `in at most 12 s`: how long a breaking lease still stands. */
export function freeInLabel({ freeBy, by }: BreakingView, now: number): string {
  if (freeBy <= now) return "any moment";
  return `in ${by === undefined ? "at most " : ""}${duration(freeBy - now, Math.ceil)}`;
}

/** The name of the holder of the lock, or of the first holder of a permit or a read lock. It is not made printable. */
export function holderLabel({ holder, state, semaphore, readers }: LockView): string {
  if (holder) return holder.name;
  if (state === "held" || state === "breaking") return UNNAMED_HOLDER;
  const [first, ...others] = [...(semaphore?.held ?? []), ...readers];
  if (!first) return "";
  return `${first.holder?.name ?? UNNAMED_HOLDER}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

/** Since when the lock is held, or the first of its permits and read locks. */
export function sinceOf({ since, semaphore, readers }: LockView): Since | undefined {
  if (since) return since;
  const all = [...(semaphore?.held ?? []), ...readers].flatMap((held) => (held.since ? [held.since] : []));
  return all.sort((a, b) => a.from - b.from)[0];
}

export function waiterCount({ waiting, semaphore }: LockView): number {
  return waiting.length + (semaphore?.waiting.length ?? 0);
}

export function purposeLabel({ state, holder, purpose }: LockView): string {
  return holder && (state === "held" || state === "breaking") ? (purpose ?? "") : "";
}

export function partLabel(part: Part): string {
  switch (part.kind) {
    case "lock":
      return "lock";
    case "permit":
      return `permit ${part.slot}`;
    case "reader":
      return "read lock";
  }
}

const END_LABELS: Readonly<Record<HoldOutcome, string>> = {
  released: "released",
  expired: "lost: the lease ran out",
  broken: "lost: broken",
  deleted: "lost: the blob was deleted",
  unseen: "released or lost: no look shows which",
  unlisted: "no longer listed: released or lost, and no record is left, or its blob was deleted",
};

/** `released`, `lost: …`, `still held`: how a hold ended. */
export function endLabel({ end, part, brokenBy }: Pick<HoldView, "end" | "part" | "brokenBy">): string {
  if (!end) return "still held";
  if (end === "broken") return `${END_LABELS.broken}${breakerLabel(brokenBy)}`;
  return end === "unseen" && part.kind === "lock"
    ? "another holder had it at the next look: released, or lost"
    : END_LABELS[end];
}

const LOSS_LABELS: Readonly<Record<Loss["why"], string>> = {
  expired: "the lease ran out",
  broken: "broken",
  deleted: "the blob was deleted",
};

/** Why a lock was lost, and who broke it where this page's server did. */
export function lossLabel({ why, brokenBy }: Pick<Loss, "why" | "brokenBy">): string {
  return `${LOSS_LABELS[why]}${why === "broken" ? breakerLabel(brokenBy) : ""}`;
}

/** The service does not say who broke a lease: only breaks from this page have a name. */
export function breakerLabel(by: string | undefined): string {
  return by === undefined ? ", not from this page" : ` from this page, by ${printable(by)}`;
}

export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
