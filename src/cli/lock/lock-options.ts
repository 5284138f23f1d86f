import { type Command, Option } from "commander";
import { type AzureMutex, type KeyKind, type LockerOptions, ReaderWriterLock, Semaphore } from "../../index.ts";
import type { ConnectionOptions } from "../connection/connection.ts";
import type { JobTermsOptions } from "../job/job-terms.ts";
import { type Duration, parseDuration } from "../options/duration.ts";
import { wholeNumber } from "../options/whole-number.ts";
import type { WantedLock } from "../waiting/own-ancestors.ts";
import type { LockSource } from "./lock-source.ts";
import { isOnce, type OnceCommandOptions, SlotSource } from "./once-slots.ts";

/** As many as a semaphore of the library may have. */
export const MOST_PERMITS = 1_000;
const HIGHEST_EXIT_CODE = 255;

/**
 * What the command line says of a lock to take: which kind, how long to wait for it, on what terms, and what others see
 * of it.
 */
export interface LockOptions extends ConnectionOptions, JobTermsOptions, OnceCommandOptions {
  readonly timeout?: Duration;
  readonly try?: boolean;
  readonly heldExitCode?: number;
  readonly fair?: boolean;
  readonly semaphore?: number;
  readonly read?: boolean;
  readonly write?: boolean;
  readonly holder?: string;
  readonly purpose?: string;
}

/** Adds the options of how long to wait, and for which kind of lock. */
export function withLock(command: Command): Command {
  return command
    .addOption(
      new Option("--timeout <duration>", "give up when the lock was not free within this time").argParser(
        parseDuration,
      ),
    )
    .addOption(new Option("--try", "ask once, and do not wait").conflicts("timeout"))
    .addOption(
      new Option(
        "--held-exit-code <number>",
        "exit code if another holds the lock, 0 to 255; without --try and --timeout it has no effect (default: " +
          "75 with --try, 124 with --timeout)",
      ).argParser(wholeNumber(0, HIGHEST_EXIT_CODE)),
    )
    .addOption(new Option("--fair", "first come, first served between processes; all users of the key must set it"))
    .addOption(
      new Option(
        "--semaphore <permits>",
        "one of this many permits instead of the lock; all users must give the same number",
      ).argParser(wholeNumber(1, MOST_PERMITS)),
    )
    .addOption(
      new Option("--read", "lock to read: together with other readers, while there is no writer").conflicts([
        "write",
        "semaphore",
      ]),
    )
    .addOption(new Option("--write", "lock to write: alone, without readers").conflicts(["read", "semaphore"]));
}

export const holderOption = (): Option =>
  new Option("--holder <name>", "name of the holder, for people (default: host:pid)");

export function wantedKindOf({ semaphore, read, write }: LockOptions): WantedLock["kind"] {
  if (semaphore !== undefined) return "permit";
  return read ? "read" : write ? "write" : "lock";
}

/** What the blob of a key says that is used so. */
export function keyKindOf({ semaphore, read, write, ...options }: LockOptions): KeyKind {
  if (isOnce(options)) return "once";
  if (semaphore !== undefined) return "semaphore";
  return read || write ? "reader-writer-lock" : "lock";
}

export function sourceOf(
  mutex: AzureMutex,
  key: string,
  options: LockerOptions,
  { semaphore: permits, read, write, ...slots }: LockOptions,
): LockSource {
  if (isOnce(slots)) return new SlotSource(mutex, key, options, slots);
  if (permits !== undefined) return new Semaphore(mutex, key, { ...options, permits });
  if (read) return new ReaderWriterLock(mutex, key, options).read;
  if (write) return new ReaderWriterLock(mutex, key, options).write;
  return mutex.locker(key, options);
}
