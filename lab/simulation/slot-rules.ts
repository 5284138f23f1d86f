import { type OnceRecord, onceRecordIn, onceRecordName } from "../../src/blobs/once-record.ts";
import { compareSlots, type Slot, slotText } from "../../src/blobs/once-slot.ts";
import type { OnceOptions } from "../../src/recipes/once/once-options.ts";
import type { Invariant } from "./invariants.ts";
import type { Service } from "./service.ts";

export interface SlotRulesOptions {
  readonly key: string;
  readonly service: Service;
  readonly policy: Pick<OnceOptions, "afterCrash" | "afterFailure" | "maxAttempts">;
  readonly report: (rule: Invariant, how: string) => void;
}

/** A work that begins. */
export interface Beginning {
  readonly slot: Slot;
  readonly attempt: number;
  /** The fencing token of its lock. */
  readonly token: number | undefined;
  readonly who: string;
  /** Whether the lease of its lock ended early, so that its holder cannot know. */
  readonly isExcused: boolean;
}

/** How much earlier than its time a slot may begin: what the machine's clock gains after the last answer. */
const EARLY_MS = 20;

/** The rules of once per slot. A record that a foreigner deletes is forgotten, with all that it said. */
export class SlotRules {
  /** The record as the service has it. */
  last: OnceRecord | undefined;
  readonly #of: SlotRulesOptions;
  readonly #recordName: string;
  /** How often each attempt of each slot was begun. */
  readonly #begun = new Map<string, number>();
  /** The tokens under which the record was written. */
  readonly #tokens = new Set<number>();
  #wasForgotten = false;

  constructor(options: SlotRulesOptions) {
    this.#of = options;
    this.#recordName = onceRecordName(options.key);
    options.service.onChanged = (name) => this.#look(name);
  }

  /** Work begins, at this moment. */
  begins({ slot, attempt, token, who, isExcused }: Beginning): void {
    const { report, policy, service } = this.#of;
    const text = slotText(slot);
    if (token === undefined || !this.#tokens.has(token)) {
      if (!this.#wasForgotten) report("begun once", `${who} begins slot ${text}, and the record does not say so`);
      return;
    }
    const lastDone = this.last?.lastDone;
    if (!isExcused && lastDone !== undefined && compareSlots(slot, lastDone) <= 0)
      report("done once", `${who} begins slot ${text}, and ${slotText(lastDone)} is done`);
    const isOnlyOnce = policy.afterCrash === "leave" && policy.afterFailure === "leave";
    const what = isOnlyOnce ? `slot ${text}` : `attempt ${attempt} of slot ${text}`;
    const times = (this.#begun.get(what) ?? 0) + 1;
    this.#begun.set(what, times);
    if (times > 1) report("begun once", `${who} begins ${what}, which was begun before`);
    if (slot instanceof Date && slot.getTime() - service.now > EARLY_MS)
      report("due", `${who} begins slot ${text} ${Math.round(slot.getTime() - service.now)} ms before its time`);
  }

  /** Callers have asked for the last slot, and every request was answered. */
  allAsked(): void {
    const { report, policy } = this.#of;
    if (!this.last) return;
    const { state, slot } = this.last;
    const mustBeDone =
      policy.afterCrash === "rerun" &&
      policy.afterFailure === "retry" &&
      policy.maxAttempts === Number.POSITIVE_INFINITY;
    if (mustBeDone ? state !== "done" : state === "started")
      report("slot ends", `slot ${slotText(slot)} is ${state}, though callers go on asking for it`);
  }

  /** The record was written, or is gone. */
  async #look(name: string): Promise<void> {
    if (name !== this.#recordName) return;
    const { service, report } = this.#of;
    const answer = await service.memory.read(name);
    if (answer.kind === "missing") {
      this.last = undefined;
      this.#wasForgotten = true;
      this.#begun.clear();
      this.#tokens.clear();
      return;
    }
    const found = onceRecordIn(answer.blob.metadata);
    if ("problem" in found) return report("record order", found.problem);
    const { last } = this;
    this.last = found.record;
    this.#tokens.add(found.record.token);
    if (last && isBefore(found.record, last))
      report("record order", `the record goes back from ${shown(last)} to ${shown(found.record)}`);
  }
}

function isBefore(record: OnceRecord, last: OnceRecord): boolean {
  const order = compareSlots(record.slot, last.slot);
  if (record.token < last.token || order < 0) return true;
  if (
    last.lastDone !== undefined &&
    (record.lastDone === undefined || compareSlots(record.lastDone, last.lastDone) < 0)
  )
    return true;
  return order === 0 && (record.attempt < last.attempt || (last.state === "done" && record.state !== "done"));
}

function shown({ slot, state, attempt, token }: OnceRecord): string {
  return `${slotText(slot)} ${state} (attempt ${attempt}, token ${token})`;
}
