import { printable } from "../../status/printable.ts";
import type { LockView } from "../snapshot.ts";
import { holderLabel, purposeLabel, sinceOf, waiterCount } from "./labels.ts";

export type Column = "state" | "key" | "holder" | "since" | "waiting" | "purpose" | "token";

export interface Order {
  readonly column: Column;
  readonly isDescending: boolean;
}

/** `held`: the lock, permits or read locks are held. `attention`: a lost, broken or infinite lease. */
export type Choice = "all" | "held" | "waited" | "attention" | "free";

const CHOSEN: Readonly<Record<Choice, (lock: LockView) => boolean>> = {
  all: () => true,
  held: ({ state }) => state === "held" || state === "breaking" || state === "inUse",
  waited: (lock) => waiterCount(lock) > 0,
  attention: ({ state, infinite, mixedUse }) =>
    mixedUse !== undefined ||
    state === "breaking" ||
    state === "expired" ||
    state === "broken" ||
    (infinite && state === "held"),
  free: ({ state }) => state === "free" || state === "expired" || state === "broken",
};

export function isChoice(text: string): text is Choice {
  return Object.hasOwn(CHOSEN, text);
}

export function isColumn(text: string): text is Column {
  return Object.hasOwn(VALUES, text);
}

export function isChosen(lock: LockView, choice: Choice): boolean {
  return CHOSEN[choice](lock);
}

/** Whether key, holder or purpose contain the text, as they are or as they are shown. Ignores case. */
export function matches(lock: LockView, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return true;
  const texts = [lock.key, holderLabel(lock), purposeLabel(lock)];
  return texts.some((found) => found.toLowerCase().includes(wanted) || printable(found).toLowerCase().includes(wanted));
}

/** The most urgent state comes first. */
const STATES_BY_URGENCY = ["breaking", "broken", "expired", "held", "inUse", "free"];

type Ordered = string | number;

const VALUES: Readonly<Record<Column, (lock: LockView) => Ordered | undefined>> = {
  state: ({ state, mixedUse }) => (mixedUse === undefined ? STATES_BY_URGENCY.indexOf(state) : -1),
  key: ({ key }) => key,
  holder: (lock) => holderLabel(lock) || undefined,
  // The hold that began first is the longest.
  since: (lock) => negative(sinceOf(lock)?.from),
  waiting: (lock) => waiterCount(lock),
  purpose: (lock) => purposeLabel(lock) || undefined,
  token: ({ highestToken }) => highestToken,
};

function negative(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value;
}

/** The locks in an order. Those without a value come last either way; equal values are sorted by key. */
export function ordered(locks: readonly LockView[], { column, isDescending }: Order): LockView[] {
  const sign = isDescending ? -1 : 1;
  const rows = locks.map((lock) => ({ lock, value: VALUES[column](lock) }));
  rows.sort((a, b) => {
    if (a.value !== b.value) {
      if (a.value === undefined) return 1;
      if (b.value === undefined) return -1;
      return a.value < b.value ? -sign : sign;
    }
    return a.lock.key < b.lock.key ? -1 : 1;
  });
  return rows.map(({ lock }) => lock);
}

/** The order after the first click on a column: the largest first where that is what users look for. */
export function firstOrder(column: Column): Order {
  return { column, isDescending: column === "since" || column === "waiting" || column === "token" };
}
