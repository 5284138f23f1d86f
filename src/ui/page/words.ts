import type { Hold, HoldEnd, LockView, LockWord, Loss, Part, Since, Snapshot } from "../snapshot.ts";

export const NAMELESS = "left no name";

/** `acme/locks`: the account or its host, and the container. */
export function placeOf({ account, container }: Pick<Snapshot, "account" | "container">): string {
  return account === undefined ? container : `${account}/${container}`;
}

/** `45 s`, `3 min`, `2 h 5 min`, `4 d` */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** As `dateTime` of a `<time>`. */
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

const WORDS: Readonly<Record<LockWord, string>> = {
  held: "held",
  breaking: "breaking",
  inUse: "in use",
  free: "free",
  ranOut: "ran out",
  broken: "broken",
};

export function wordOf({ word, infinite, semaphore, readers }: LockView): string {
  if (word === "inUse" && semaphore) return `${semaphore.held.length} of ${semaphore.permits}`;
  if (word === "inUse") return `${readers.length} ${readers.length === 1 ? "reader" : "readers"}`;
  return infinite && word === "held" ? "held, infinite" : WORDS[word];
}

/** What a state means, in a sentence. */
export const MEANING: Readonly<Record<LockWord, string>> = {
  held: "Somebody holds the lock.",
  breaking: "The lease was broken: its holder cannot renew it, and the lock is free when the lease ends.",
  inUse: "Nobody holds the lock itself.",
  free: "Nobody holds the lock.",
  ranOut: "Nobody holds the lock. Its last holder did not release it: the lease ran out.",
  broken: "Nobody holds the lock. The lease of its last holder was broken.",
};

export function holderName(holder: { readonly name: string } | undefined): string {
  return holder?.name ?? NAMELESS;
}

/** Who holds the lock, or the first of those that hold permits or read. */
export function holderOf({ holder, word, semaphore, readers }: LockView): string {
  if (holder) return holder.name;
  if (word === "held" || word === "breaking") return NAMELESS;
  const [first, ...others] = [...(semaphore?.held ?? []), ...readers];
  if (!first) return "";
  return `${holderName(first.holder)}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

/** Since when: of several, the first. */
export function sinceOf({ since, semaphore, readers }: LockView): Since | undefined {
  if (since) return since;
  const all = [...(semaphore?.held ?? []), ...readers].flatMap((held) => (held.since ? [held.since] : []));
  return all.sort((a, b) => a.from - b.from)[0];
}

export function waitersOf({ waiting, semaphore }: LockView): number {
  return waiting.length + (semaphore?.waiting.length ?? 0);
}

export function purposeOf({ word, holder, purpose }: LockView): string {
  return holder && (word === "held" || word === "breaking") ? (purpose ?? "") : "";
}

export function partName(part: Part): string {
  switch (part.kind) {
    case "lock":
      return "lock";
    case "permit":
      return `permit ${part.slot}`;
    case "reader":
      return "read lock";
  }
}

const ENDS: Readonly<Record<HoldEnd, string>> = {
  released: "released",
  ranOut: "lost: the lease ran out",
  broken: "lost: broken",
  deleted: "lost: the blob was deleted",
  unseen: "given back, or lost: nobody saw",
  unlisted: "not listed any more: given back or lost, and no record is left, or its blob was deleted",
};

/** How a hold ended, or that it goes on. */
export function endOf({ end, part }: Pick<Hold, "end" | "part">): string {
  if (!end) return "goes on";
  if (end !== "unseen") return ENDS[end];
  return part.kind === "lock" ? "another had it at the next look: released, or lost" : ENDS.unseen;
}

export const WHY: Readonly<Record<Loss["why"], string>> = {
  ranOut: "the lease ran out",
  broken: "broken",
  deleted: "the blob was deleted",
};

export function heldFor({ from, to }: Pick<Since, "from"> & { readonly to?: number }, now: number): string {
  return duration((to ?? now) - from);
}

export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
