import { Holding } from "../../locks/holding.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { type Lock, lockOf } from "../../locks/lock.ts";
import type { MutexOptions } from "../../locks/lock-space.ts";
import { type Lockable, SourceLock } from "../../locks/lockable.ts";
import { type Mutex, spaceFor } from "../../locks/mutex.ts";
import { checkKey } from "../../store/azure/blob-name.ts";
import { type LockerOptions, resolveLockerOptions } from "../../waiting/locker-options.ts";
import { Readers } from "./readers.ts";
import type { SharedHold } from "./shared-lease.ts";
import { READER_WRITER_KIND } from "./writer-look.ts";
import { Writers } from "./writers.ts";

/** A lock for reading, shared with other readers, until it is released or lost. */
export class ReadLock extends Holding {
  /**
   * The fencing token of the last write lock before this read lock, one that was given up while it waited for readers
   * included; the same for as long as there is no writer. Undefined if there was none, or with `fencing: false`.
   */
  readonly fencingToken: number | undefined;

  /** @internal */
  constructor(key: string, hold: SharedHold) {
    super(key, hold);
    this.fencingToken = hold.token;
  }
}

/**
 * Any number of readers, or one writer. The write side is the lease of the key's own blob. A `Locker` of the same key
 * is refused with `KeyKindMismatchError`, as it does not wait for readers who are in. A go-azuremutex, and a `Locker`
 * with `fencing: false`, is not: it excludes writers and keeps new readers out, and that is all.
 *
 * A writer who waits keeps new readers out, so that it gets in as soon as those who read have finished. With `fair`,
 * readers and writers of all processes go in in the order they came.
 *
 * **A read lock cannot be turned into a write lock.** Two readers who both want that would wait for each other for
 * ever; and a task that asks for the write side while it reads would wait for itself. Release, lock the other side, and
 * look again at what you read.
 *
 * @example
 * ```ts
 * const config = new ReaderWriterLock(mutex, "config");
 * await config.read.run((lock) => migrate(lock.signal)); // beside other readers
 * await config.write.run((lock) => migrate(lock.signal)); // alone
 * ```
 */
export class ReaderWriterLock {
  /** The name of the lock. */
  readonly key: string;
  /**
   * Shared with all readers. One blob and one lease serve all readers of a process, so a reader hears of its own
   * beginning and end (`acquired`, `lost`, `released`) and of no renewal.
   */
  readonly read: Lockable<ReadLock>;
  /** Alone. Each lock has a fencing token higher than all before it. */
  readonly write: Lockable<Lock>;

  /**
   * @param mutex - The mutex whose container has the lock, or options for one of its own.
   * @param key - The lock's name, and its blob's.
   * @throws `InvalidKeyError`; `RangeError` or `TypeError` for options that do not fit.
   */
  constructor(mutex: Mutex | MutexOptions, key: string, options: LockerOptions = {}) {
    checkKey(key);
    const space = spaceFor(mutex);
    const resolved = resolveLockerOptions(options, space, READER_WRITER_KIND);
    // Readers learn the last write's token from the record; a writer then looks for readers.
    const writing = { ...resolved, description: { ...resolved.description, announces: {} }, requestsAfter: 1 };
    const of = { key, space, options: resolved };
    const handle = (held: SharedHold): ReadLock => new ReadLock(key, held);
    this.key = key;
    this.read = new SourceLock({ ...of, kind: "read", source: new Readers(space, key, resolved), handle });
    const source = new Writers(new LeaseAcquirer(space, { key }, writing));
    this.write = new SourceLock({ ...of, kind: "write", source, handle: lockOf });
  }
}
