import { hostname } from "node:os";
import { presentHolder } from "../../facts/who.ts";
import type { AzureMutex, Holder, LockStatus } from "../../index.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { jobsIn, MARK } from "./job-mark.ts";

/** The lock, side or permit that a command is about to wait for. */
export interface Wanted {
  readonly key: string;
  readonly kind: "lock" | "read" | "write" | "permit";
}

/**
 * Throws a {@link CommandError} if an azmutex holds what is wanted within whose job this process runs: it would wait for this
 * process, and this process for it. Asks the service only if such a job has the same key, which may be another container's. Without
 * an answer, or a record of the holder, this process cannot tell, and waits.
 */
export async function refuseToWaitForItself(mutex: AzureMutex, wanted: Wanted, signal?: AbortSignal): Promise<void> {
  const jobs = jobsIn(process.env[MARK]);
  const pids = jobs.filter(({ key }) => key === wanted.key).map(({ pid }) => pid);
  if (pids.length === 0) return;
  const status = await mutex.inspect(wanted.key, { ...(signal && { signal }) }).catch(() => undefined);
  signal?.throwIfAborted();
  const inTheWay = status && ancestorInTheWay(status, wanted, { host: hostname(), pids });
  if (!inTheWay) return;
  throw new CommandError(
    `lock on "${wanted.key}" is held by the azmutex with pid ${inTheWay.pid}, within whose command this one runs: it would wait for itself`,
    EXIT.usage,
  );
}

/** The processes within whose jobs this one runs, by the key that each of them holds. */
export interface Ancestors {
  readonly host: string;
  readonly pids: readonly number[];
}

/** The ancestor that would have to release first, if there is one. */
export function ancestorInTheWay(status: LockStatus, { kind }: Pick<Wanted, "kind">, { host, pids }: Ancestors): Holder | undefined {
  const isAncestor = (holder?: Holder): boolean => holder !== undefined && holder.host === host && pids.includes(holder.pid);
  if (kind === "permit") {
    const { held = [], permits = Number.POSITIVE_INFINITY } = status.semaphore ?? {};
    const theirs = held.flatMap(({ holder }) => (holder && isAncestor(holder) ? [holder] : []));
    return theirs.length >= permits ? theirs[0] : undefined;
  }
  const holder = presentHolder(status);
  if (isAncestor(holder)) return holder;
  return kind === "write" ? status.readers?.map((reader) => reader.holder).find(isAncestor) : undefined;
}
