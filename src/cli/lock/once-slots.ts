import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type AzureMutex,
  type LockerOptions,
  Once,
  type OnceAttempt,
  type OnceResult,
  type Slot,
  type WaitOptions,
} from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { slotLabel } from "../../status/slot-label.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { parseDuration } from "../options/duration.ts";
import { wholeNumber } from "../options/whole-number.ts";
import { terminal } from "../terminal/terminal.ts";
import type { HeldLock, LockSource } from "./lock-source.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HIGHEST_CODE = 255;

/** What the command line says of slots. */
export interface OnceCommandOptions {
  readonly once?: string;
  /** In milliseconds. */
  readonly oncePer?: number;
  /** In milliseconds. */
  readonly utcOffset?: number;
  readonly onceCode?: number;
}

/** Adds the options of a command that is run once for each slot. */
export function withOnce(command: Command): Command {
  const others = ["semaphore", "read", "write"];
  return command
    .addOption(
      new Option(
        "--once <slot>",
        "run once for this slot, such as a date, in any process; slots sort as text, and never go back",
      )
        .conflicts(["oncePer", ...others])
        .argParser(checkedSlot),
    )
    .addOption(
      new Option("--once-per <period>", "once per day, hour or time such as 15m, by the service's clock")
        .conflicts(others)
        .argParser(periodOf),
    )
    .addOption(
      new Option(
        "--utc-offset <offset>",
        "with --once-per, where a day begins, such as +01:00 (default: +00:00)",
      ).argParser(parseUtcOffset),
    )
    .addOption(
      new Option("--once-code <number>", "exit code if the slot is done or over, 0 to 255 (default: 0)").argParser(
        wholeNumber(0, HIGHEST_CODE),
      ),
    );
}

export function isOnce({ once, oncePer }: OnceCommandOptions): boolean {
  return once !== undefined || oncePer !== undefined;
}

/** Runs what it is given for a slot, if that is not over. */
export class SlotSource implements LockSource {
  readonly #once: Once;
  readonly #options: OnceCommandOptions;

  constructor(mutex: AzureMutex, key: string, options: LockerOptions, slots: OnceCommandOptions) {
    // Asked for with a time-out of 0, it does not wait.
    this.#once = new Once(mutex, key, { ...options, whileRunning: "wait" });
    this.#options = slots;
  }

  /** Resolves with the exit code: of the work, or of a slot that is over. A code other than 0 is a failure. */
  async run<T>(work: (holding: HeldLock, attempt?: OnceAttempt) => Promise<T>, options: WaitOptions): Promise<T> {
    const { once, oncePer = DAY_MS, utcOffset = 0, onceCode = 0 } = this.#options;
    const slot = once ?? ((now: Date): Slot => slotAt(now, oncePer, utcOffset));
    const under = async (lock: HeldLock, attempt: OnceAttempt): Promise<T> => {
      const code = await work(lock, attempt);
      if (code !== 0) throw new WorkFailed(code);
      return code;
    };
    try {
      const result = await this.#once.run(slot, under, options);
      if (result.outcome === "ran") return result.value;
      terminal.say(`azmutex: ${overText(this.#once.key, result)}`);
      return onceCode as T;
    } catch (error) {
      if (error instanceof WorkFailed) return error.code as T;
      throw error;
    }
  }
}

/** The beginning of the period that `now` is in. */
function slotAt(now: Date, periodMs: number, offsetMs: number): Date {
  return new Date(Math.floor((now.getTime() + offsetMs) / periodMs) * periodMs - offsetMs);
}

/** `"nightly" is not run: slot 2026-11-30 done` */
function overText(key: string, { outcome, record }: Exclude<OnceResult<unknown>, { outcome: "ran" }>): string {
  const last = record ? slotLabel(record) : "another holds the lock";
  const why = { alreadyDone: "", passed: ", which is later", gaveUp: ", and given up", running: "" }[outcome];
  return `"${printable(key)}" is not run: ${last}${why}`;
}

/** The command ended with a code other than 0: its attempt is recorded as failed. */
class WorkFailed extends Error {
  readonly code: unknown;

  constructor(code: unknown) {
    super(`the command ended with ${code}`);
    this.code = code;
  }
}

function checkedSlot(text: string): string {
  if (!/^[\x20-\x7e]{1,64}$/.test(text))
    throw new InvalidArgumentError("It must be 1 to 64 printable ASCII characters.");
  return text;
}

function periodOf(text: string): number {
  const ms = text === "day" ? DAY_MS : parseDuration(text === "hour" ? "1h" : text).ms;
  if (!(ms >= 1_000 && DAY_MS % ms === 0))
    throw new InvalidArgumentError("It must be day, hour, or a time that divides a day: 15m, 6h, 30s.");
  return ms;
}

function parseUtcOffset(text: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):([0-5]\d)$/.exec(text) ?? [];
  const ms = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  if (!(ms <= 14 * 60 * MINUTE_MS)) throw new InvalidArgumentError("It must be from -14:00 to +14:00.");
  return sign === "-" ? -ms : ms;
}

/** Throws where an option says something of slots, and no slot is named. */
export function checkOnce({ utcOffset, onceCode, ...options }: OnceCommandOptions): void {
  if (utcOffset !== undefined && options.oncePer === undefined)
    throw new CommandError("--utc-offset is for --once-per", EXIT.usage);
  if (onceCode !== undefined && !isOnce(options))
    throw new CommandError("--once-code is for --once and --once-per", EXIT.usage);
}
