import type { LockChange, LocksSeen } from "../facts/lock-changes.ts";
import { presentHolder } from "../facts/who.ts";
import type { Holder, LockStatus } from "../index.ts";
import type { Hold, HoldEnd, Loss, Part, Since } from "./snapshot.ts";

const MOST_HOLDS = 20_000;
const MOST_LOSSES = 500;
/** Dates of the service are whole seconds. */
const SECOND_MS = 1_000;

/** What somebody holds at one look. */
interface Held {
  readonly part: Part;
  readonly isBreaking: boolean;
  readonly holder: Holder | undefined;
  readonly purpose: string | undefined;
  readonly recordedAt: Date | undefined;
}

interface OpenHold {
  readonly id: number;
  readonly isBreaking: boolean;
  readonly who: string;
}

/** One look at all locks. */
export interface Look {
  readonly version: number;
  readonly at: number;
  /** When the look before was made. Undefined for the first. */
  readonly before: number | undefined;
}

/** Who held what, from when to when, as far as it was seen: what came and went between two looks was not. */
export class HoldBook {
  #ids = 0;
  /** Those that go on, by key and part. */
  readonly #open = new Map<string, Map<string, OpenHold>>();
  /** All that are remembered, in the order in which they began. */
  readonly #holds = new Map<number, { readonly hold: Hold; readonly version: number }>();
  readonly #ended: number[] = [];
  readonly #losses: { readonly loss: Loss; readonly version: number }[] = [];
  #horizon = 0;

  /** Holds that ended before this are forgotten. */
  get horizon(): number {
    return this.#horizon;
  }

  note(changes: readonly LockChange[], locks: LocksSeen, look: Look): void {
    for (const key of new Set(changes.map(({ status }) => status.key))) this.#compare(key, locks.get(key), look);
    for (const id of this.#ended.splice(0, this.#ended.length - MOST_HOLDS)) {
      this.#horizon = Math.max(this.#horizon, this.#holds.get(id)?.hold.to ?? 0);
      this.#holds.delete(id);
    }
    this.#losses.splice(0, this.#losses.length - MOST_LOSSES);
  }

  /** Since when whoever holds this has it. */
  since(key: string, part: Part, holder?: Holder): Since | undefined {
    const open = this.#open.get(key)?.get(nameOf(part, holder));
    const hold = open && this.#holds.get(open.id)?.hold;
    return hold && { from: hold.from, isFromBefore: hold.isFromBefore };
  }

  /** Those that began or ended after a version. */
  holdsAfter(version: number): Hold[] {
    return [...this.#holds.values()].filter((found) => found.version > version).map(({ hold }) => hold);
  }

  lossesAfter(version: number): Loss[] {
    return this.#losses.filter((found) => found.version > version).map(({ loss }) => loss);
  }

  #compare(key: string, status: LockStatus | undefined, look: Look): void {
    const open = this.#open.get(key) ?? new Map<string, OpenHold>();
    const now = new Map((status ? heldIn(status) : []).map((held) => [nameOf(held.part, held.holder), held]));
    for (const [name, before] of open) {
      const held = now.get(name);
      // What was broken and is leased again, even by the same process, was taken anew.
      if (held && before.who === whoOf(held.holder) && !(before.isBreaking && !held.isBreaking)) continue;
      open.delete(name);
      // Another cannot have begun before it ended.
      const to = held ? beginningOf(held, look) : look.at;
      this.#end(before, this.#endOf(before, status, held), { ...look, to });
    }
    for (const [name, held] of now) {
      const id = open.get(name)?.id ?? this.#begin(key, held, look);
      if (held.isBreaking && !open.get(name)?.isBreaking) this.#lose(id, "broken", look);
      open.set(name, { id, isBreaking: held.isBreaking, who: whoOf(held.holder) });
    }
    if (open.size > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }

  #begin(key: string, held: Held, look: Look): number {
    this.#ids += 1;
    const { part, holder, purpose } = held;
    const { version, before } = look;
    const hold = { id: this.#ids, key, part, from: beginningOf(held, look), isFromBefore: before === undefined };
    this.#holds.set(this.#ids, { hold: { ...hold, ...(holder && { holder }), ...(purpose !== undefined && { purpose }) }, version });
    return this.#ids;
  }

  #end({ id, isBreaking }: OpenHold, end: HoldEnd, look: Look & { readonly to: number }): void {
    const found = this.#holds.get(id);
    if (!found) return;
    this.#holds.set(id, { hold: { ...found.hold, to: look.to, end }, version: look.version });
    this.#ended.push(id);
    if ((end === "ranOut" || end === "broken" || end === "deleted") && !isBreaking) this.#lose(id, end, look);
  }

  #endOf({ isBreaking, id }: OpenHold, status: LockStatus | undefined, held: Held | undefined): HoldEnd {
    if (isBreaking) return "broken";
    // Of permits and readers only those that are held are told of.
    if (held || this.#holds.get(id)?.hold.part.kind !== "lock") return "unseen";
    switch (status?.state) {
      case "available":
        return "released";
      case "expired":
        return "ranOut";
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

  #lose(id: number, why: Loss["why"], { version, at }: Look): void {
    const hold = this.#holds.get(id)?.hold;
    if (!hold) return;
    const { key, part, holder, purpose } = hold;
    const who = { ...(holder && { holder }), ...(purpose !== undefined && { purpose }) };
    this.#losses.push({ loss: { id, key, part, ...who, at, why }, version });
  }
}

/** By its record if that is of this hold, and not of an earlier one of the same process; otherwise when it was first seen. */
function beginningOf({ recordedAt }: Held, { at, before }: Look): number {
  const written = recordedAt?.getTime();
  if (written === undefined || written > at || (before !== undefined && written < before - SECOND_MS)) return at;
  return Math.max(written, before ?? 0);
}

function heldIn(status: LockStatus): Held[] {
  const { isHeld, state, purpose, recordedAt, semaphore, readers = [] } = status;
  const holder = presentHolder(status);
  const record = holder ? { purpose, recordedAt } : { purpose: undefined, recordedAt: undefined };
  const lock: Held[] = isHeld ? [{ part: { kind: "lock" }, isBreaking: state === "breaking", holder, ...record }] : [];
  const permits = (semaphore?.held ?? []).map((permit): Held => {
    const { slot, holder: by, purpose: forWhat, recordedAt: at } = permit;
    return { part: { kind: "permit", slot }, isBreaking: permit.state === "breaking", holder: by, purpose: forWhat, recordedAt: at };
  });
  const reading = readers.map(
    (reader): Held => ({
      part: { kind: "reader" },
      isBreaking: reader.state === "breaking",
      holder: reader.holder,
      purpose: undefined,
      recordedAt: undefined,
    }),
  );
  return [...lock, ...permits, ...reading];
}

/** A reader has no other name than its holder's. */
function nameOf(part: Part, holder: Holder | undefined): string {
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
