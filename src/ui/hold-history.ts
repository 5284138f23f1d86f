import type { Holder, LockStatus } from "../index.ts";
import { longestBreakSeconds } from "../status/breaking.ts";
import { presentHolder } from "../status/holders.ts";
import { type IsAwaiting, SERVICE_DATE_STEP_MS } from "../status/records-seen.ts";
import { BreakNotes } from "./break-notes.ts";
import { defined } from "./defined.ts";
import type { BreakingView, HoldOutcome, HoldView, Loss, Part, Since } from "./snapshot.ts";

const MOST_HOLDS = 20_000;
const MOST_LOSSES = 500;

/** One part of a lock that is held at one look. */
interface PartInLook {
  readonly part: Part;
  readonly isBreaking: boolean;
  /** Whether its holder may yet write its record. */
  readonly isAwaiting: boolean;
  readonly holder: Holder | undefined;
  readonly purpose: string | undefined;
  readonly leaseSeconds: number | undefined;
  readonly recordedAt: Date | undefined;
}

/** What a record says of a hold. */
interface Named {
  readonly holder?: Holder | undefined;
  readonly purpose?: string | undefined;
}

interface OpenHold {
  readonly id: number;
  readonly who: string;
  readonly isAwaiting: boolean;
  readonly breaking: BreakingView | undefined;
}

/** One look at all locks. */
export interface Look {
  readonly version: number;
  readonly at: number;
  /** When the look before was made. Undefined for the first. */
  readonly before: number | undefined;
  /** Whether there was no look for longer than an open page waits between two. */
  readonly isAfterGap?: boolean;
  /** Whether all locks went at once, while some were held: their blobs were deleted. */
  readonly hasVanished?: boolean;
  /** Whether the holder of a lock or permit in it may yet write its record. Default: none may. */
  readonly isAwaiting?: IsAwaiting;
}

/**
 * The holds and losses of all locks, as looks and records tell them. A hold that began and ended between two looks is
 * not in it. A beginning or an end between two looks is kept as a range.
 */
export class HoldHistory {
  /** The breaks that this server made. */
  readonly breaks: BreakNotes = new BreakNotes();
  #ids = 0;
  /** The holds that go on, by key and part. */
  readonly #open = new Map<string, Map<string, OpenHold>>();
  /** All holds that are remembered, in the order of their beginnings. */
  readonly #holds = new Map<number, { readonly hold: HoldView; readonly version: number }>();
  readonly #ended: number[] = [];
  readonly #losses: { readonly loss: Loss; readonly version: number }[] = [];
  #forgottenBefore = 0;

  /** Holds that ended before this are forgotten. */
  get forgottenBefore(): number {
    return this.#forgottenBefore;
  }

  note(locks: ReadonlyMap<string, LockStatus>, look: Look): void {
    for (const [key, status] of locks) this.#compare(key, status, look);
    for (const key of [...this.#open.keys()]) if (!locks.has(key)) this.#compare(key, undefined, look);
    for (const id of this.#ended.splice(0, this.#ended.length - MOST_HOLDS)) {
      this.#forgottenBefore = Math.max(this.#forgottenBefore, this.#holds.get(id)?.hold.to ?? 0);
      this.#holds.delete(id);
    }
    this.#losses.splice(0, this.#losses.length - MOST_LOSSES);
    this.breaks.forgetBefore(look.before);
  }

  /** When the present hold of this part began. */
  since(key: string, part: Part, holder?: Holder): Since | undefined {
    const open = this.#open.get(key)?.get(partKeyOf(part, holder));
    const hold = open && this.#holds.get(open.id)?.hold;
    if (!hold) return undefined;
    const { from, earliest, isFromBefore } = hold;
    return defined({ from, earliest, isFromBefore });
  }

  /** When the breaking lease of this part ends at the latest. Undefined if it is not breaking. */
  breaking(key: string, part: Part, holder?: Holder): BreakingView | undefined {
    return this.#open.get(key)?.get(partKeyOf(part, holder))?.breaking;
  }

  /** The holds that began or ended after a version. */
  holdsAfter(version: number): HoldView[] {
    return [...this.#holds.values()].filter((found) => found.version > version).map(({ hold }) => hold);
  }

  lossesAfter(version: number): Loss[] {
    return this.#losses.filter((found) => found.version > version).map(({ loss }) => loss);
  }

  #compare(key: string, status: LockStatus | undefined, look: Look): void {
    const open = this.#open.get(key) ?? new Map<string, OpenHold>();
    const now = new Map(
      (status ? heldIn(status, look.isAwaiting) : []).map((held) => [partKeyOf(held.part, held.holder), held]),
    );
    for (const [name, before] of open) {
      const held = now.get(name);
      if (held && isSameHold(before, held, look)) continue;
      open.delete(name);
      // It ended before its holder was known: the record that is left is its own.
      if (before.isAwaiting && !held && name === "lock" && status) this.#name(before.id, status, look);
      // The next hold cannot have begun before this one ended.
      const to = held ? startOf(held, look).from : look.at;
      this.#end(before, this.#endOf(before, status, held, look), { ...look, to });
    }
    for (const [name, held] of now) {
      const known = open.get(name);
      const id = known?.id ?? this.#begin(key, held, look);
      const breaking = held.isBreaking ? (known?.breaking ?? this.#breakingOf(key, held, look)) : undefined;
      if (known?.isAwaiting) this.#name(id, held, look);
      open.set(name, { id, who: whoOf(held.holder), isAwaiting: held.isAwaiting, breaking });
      if (breaking && !known?.breaking) this.#lose(id, "broken", { ...look, by: breaking.by });
    }
    if (open.size > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }

  /** A lease that another process broke ends within its whole length from this look on. */
  #breakingOf(key: string, { part, holder, leaseSeconds }: PartInLook, { at }: Look): BreakingView {
    return this.breaks.take(key, part, holder) ?? { freeBy: at + longestBreakSeconds({ leaseSeconds }) * 1_000 };
  }

  #begin(key: string, held: PartInLook, look: Look): number {
    this.#ids += 1;
    const { version, before } = look;
    const hold = { id: this.#ids, key, part: held.part, ...startOf(held, look), isFromBefore: before === undefined };
    this.#holds.set(this.#ids, { hold: { ...hold, ...namesIn(held) }, version });
    return this.#ids;
  }

  /** The record of a hold that was seen before its holder wrote it. */
  #name(id: number, record: Named, { version }: Look): void {
    const hold = this.#holds.get(id)?.hold;
    if (hold && record.holder) this.#holds.set(id, { hold: { ...hold, ...namesIn(record) }, version });
  }

  #end({ id, breaking }: OpenHold, end: HoldOutcome, look: Look & { readonly to: number }): void {
    const found = this.#holds.get(id);
    if (!found) return;
    const { key, part, holder, from } = found.hold;
    const by = end === "broken" ? (breaking?.by ?? this.breaks.take(key, part, holder)?.by) : undefined;
    const { before, to, version } = look;
    const ended = defined({ lastSeen: before ?? from, to, end, brokenBy: by });
    this.#holds.set(id, { hold: { ...found.hold, ...ended }, version });
    this.#ended.push(id);
    if ((end === "expired" || end === "broken" || end === "deleted") && !breaking) this.#lose(id, end, { ...look, by });
  }

  #endOf(
    { breaking, id }: OpenHold,
    status: LockStatus | undefined,
    held: PartInLook | undefined,
    look: Look,
  ): HoldOutcome {
    if (breaking) return "broken";
    if (look.hasVanished) return "deleted";
    // A status shows only permits and read locks that are held: how one ended does not show.
    if (held || this.#holds.get(id)?.hold.part.kind !== "lock") return "unseen";
    switch (status?.state) {
      case "available":
        return "released";
      case "expired":
        return "expired";
      case "broken":
        return "broken";
      case "leased":
      case "breaking":
        return "unseen";
      case "missing":
        return "deleted";
      case undefined:
        return "unlisted";
    }
  }

  #lose(id: number, why: Loss["why"], { version, at, before, by }: Look & { readonly by: string | undefined }): void {
    const hold = this.#holds.get(id)?.hold;
    if (!hold) return;
    const { key, part } = hold;
    const loss = defined({ id, key, part, ...namesIn(hold), at, after: before, why, brokenBy: by });
    this.#losses.push({ loss, version });
  }
}

/** Whether the part that is held at this look is the hold of the look before. */
function isSameHold(
  { who, isAwaiting, breaking }: OpenHold,
  { holder, isBreaking }: PartInLook,
  { isAfterGap = false }: Look,
): boolean {
  // A broken lease cannot be renewed: a part that is leased again was taken anew, even by the same process.
  if (breaking && !isBreaking) return false;
  if (isAwaiting && !isAfterGap) return true;
  // Two unnamed holders look the same, and in a gap there was time for both.
  return who === whoOf(holder) && !(isAfterGap && holder === undefined);
}

/** The time of its record, if that is of this hold and not of an earlier one of its process; otherwise a range. */
function startOf({ recordedAt }: PartInLook, { at, before }: Look): Pick<Since, "from" | "earliest"> {
  const written = recordedAt?.getTime();
  if (written === undefined || written > at || (before !== undefined && written < before - SERVICE_DATE_STEP_MS)) {
    return defined({ from: at, earliest: before });
  }
  const from = Math.max(written, before ?? 0);
  return { from, earliest: from };
}

function namesIn({ holder, purpose }: Named): Pick<HoldView, "holder" | "purpose"> {
  return defined({ holder, purpose });
}

function heldIn(status: LockStatus, isAwaiting: IsAwaiting = () => false): PartInLook[] {
  const { isHeld, state, purpose, leaseSeconds, recordedAt, semaphore, readers = [] } = status;
  const holder = presentHolder(status);
  const record = holder ? { purpose, leaseSeconds, recordedAt } : UNRECORDED;
  const lock: PartInLook[] = isHeld
    ? [
        {
          part: { kind: "lock" },
          isBreaking: state === "breaking",
          isAwaiting: isAwaiting(status),
          holder,
          ...record,
        },
      ]
    : [];
  const permits = (semaphore?.held ?? []).map(
    (permit): PartInLook => ({
      part: { kind: "permit", slot: permit.slot },
      isBreaking: permit.state === "breaking",
      isAwaiting: isAwaiting(permit),
      holder: permit.holder,
      purpose: permit.purpose,
      leaseSeconds: permit.leaseSeconds,
      recordedAt: permit.recordedAt,
    }),
  );
  const reading = readers.map(
    (reader): PartInLook => ({
      part: { kind: "reader" },
      isBreaking: reader.state === "breaking",
      isAwaiting: false,
      holder: reader.holder,
      ...UNRECORDED,
    }),
  );
  return [...lock, ...permits, ...reading];
}

const UNRECORDED = { purpose: undefined, leaseSeconds: undefined, recordedAt: undefined };

/** The name of a part within its key. A reader has none but its holder's. */
function partKeyOf(part: Part, holder: Holder | undefined): string {
  switch (part.kind) {
    case "lock":
      return "lock";
    case "permit":
      return `permit ${part.slot}`;
    case "reader":
      return `reader ${whoOf(holder)}`;
  }
}

function whoOf(holder: Holder | undefined): string {
  return holder ? JSON.stringify([holder.name, holder.host, holder.pid]) : "";
}
