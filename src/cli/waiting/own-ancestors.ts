import { hostname } from "node:os";
import type { AzureMutex, Holder, LockStatus } from "../../index.ts";
import { presentHolder } from "../../status/holders.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { KEY_VARIABLE } from "../job/job-environment.ts";
import { jobsIn, MARK } from "../job/job-mark.ts";
import { argumentsOf, hasProcessTable, isAzmutex, lineage, pidNamespace, processEntry } from "../job/process-table.ts";
import { pause } from "../time.ts";

/** The lock, side or permit that a command is about to wait for. */
export interface WantedLock {
  readonly key: string;
  readonly kind: "lock" | "read" | "write" | "permit";
}

/**
 * A reader that comes in with `--fair` holds the lock itself for a moment. A writer that waits holds it for as long as
 * it waits.
 */
const LOOK_AGAIN_MS = 1_000;

/**
 * Throws a {@link CommandError} if this process runs within the job of an azmutex that holds the lock: that azmutex
 * would wait for this process, and this process for it. Asks the service only if such a job has the same key, which
 * may be another container's. Without an answer, or a record of the holder, this process cannot tell, and waits.
 */
export async function refuseToWaitForItself(
  mutex: AzureMutex,
  wanted: WantedLock,
  signal?: AbortSignal,
): Promise<void> {
  const pids = ancestorsWith(wanted.key);
  if (pids.length === 0) return;
  const look = async (): Promise<Holder | undefined> => {
    const status = await mutex.inspect(wanted.key, { signal }).catch(() => undefined);
    signal?.throwIfAborted();
    return status && ancestorInTheWay(status, wanted, { host: hostname(), pids });
  };
  let inTheWay = await look();
  if (inTheWay && wanted.kind === "read") {
    await pause(LOOK_AGAIN_MS, signal);
    inTheWay = await look();
  }
  if (!inTheWay) return;
  const { pid } = inTheWay;
  throw new CommandError(
    `lock on "${wanted.key}" is held by the azmutex with pid ${pid}, within whose command this one runs: it ` +
      "would wait for itself",
    EXIT.usage,
  );
}

/**
 * The pids of azmutex within whose jobs this process runs and that were told this key. The marks of the environment
 * name them. Where `sudo` or `env -i` has taken all of azmutex's variables away, they are looked for among the
 * ancestors, where Linux's /proc is there.
 */
function ancestorsWith(key: string): readonly number[] {
  const { [MARK]: marks, [KEY_VARIABLE]: variable } = process.env;
  if (marks !== undefined) return jobsIn(marks, isThere).flatMap((job) => (job.key === key ? [job.pid] : []));
  // One that kept the others gave the mark up, and is no part of the job.
  if (variable !== undefined || !hasProcessTable()) return [];
  const found: number[] = [];
  for (const { pid } of lineage(process.ppid)) {
    // A guess, which the record confirms or not.
    const words = argumentsOf(pid);
    if (isAzmutex(words) && words.includes(key)) found.push(pid);
  }
  return found;
}

/**
 * Whether an azmutex still runs that is named by a mark. One that started later than this process has only the same
 * number.
 */
function isThere(pid: number, namespace: string | undefined): boolean {
  if (!hasProcessTable() || namespace === undefined || namespace !== pidNamespace()) return true;
  const [entry, own] = [processEntry(pid), processEntry(process.pid)];
  return entry?.isRunning === true && (own === undefined || entry.startedAt <= own.startedAt);
}

/** The processes within whose jobs this one runs, by the key that each of them holds. */
export interface Ancestors {
  readonly host: string;
  readonly pids: readonly number[];
}

/** The ancestor that would have to release first, if there is one. */
export function ancestorInTheWay(
  status: LockStatus,
  { kind }: Pick<WantedLock, "kind">,
  { host, pids }: Ancestors,
): Holder | undefined {
  const isAncestor = (holder?: Holder): boolean =>
    holder !== undefined && holder.host === host && pids.includes(holder.pid);
  if (kind === "permit") {
    const { held = [], permits = Number.POSITIVE_INFINITY } = status.semaphore ?? {};
    const theirs = held.flatMap(({ holder }) => (holder && isAncestor(holder) ? [holder] : []));
    return theirs.length >= permits ? theirs[0] : undefined;
  }
  const holder = presentHolder(status);
  if (isAncestor(holder)) return holder;
  const reader = status.readers?.map(({ holder }) => holder).find(isAncestor);
  // The lock itself is held by a writer, which waits for the reader and lets no other in.
  return kind === "write" || (kind === "read" && status.isHeld) ? reader : undefined;
}
