import type { StandingLease } from "../../lease/standing-lease.ts";
import type { ReleaseRequest } from "../../store/release-request.ts";
import type { LockSpace } from "../lock-space.ts";
import type { EndingProcess } from "./ending-process.ts";
import { LONGEST_MS, RELEASE_PROGRAM } from "./release-program.ts";

/** A mutex, as far as its leases are released by another process. */
interface ReleasableSpace extends Pick<LockSpace, "store"> {
  readonly standing: Iterable<StandingLease>;
}

/** The requests that release what this process has in these mutexes, or may have. */
export function releaseRequests(spaces: Iterable<ReleasableSpace>): {
  readonly ready: readonly ReleaseRequest[];
  /** Whether there is one for each lease. */
  readonly isComplete: boolean;
} {
  const requests = [...spaces].flatMap(({ store, standing }) =>
    Array.from(standing, ({ name, leaseId }) => store.releaseRequest?.(name, leaseId)),
  );
  const ready = requests.filter((request) => request !== undefined);
  return { ready, isComplete: ready.length === requests.length };
}

/**
 * Releases what this process still has in these mutexes, in a child process, for which it waits 2 s at most. For the
 * very end: no code of this process may run any more. A lease is released by its id, so never a successor's. Returns
 * false where a lease may stand for longer: there is no request that could be handed to another process, or the service
 * has not answered. Throws nothing.
 */
export function releaseAtExit(host: Pick<EndingProcess, "runNode">, spaces: Iterable<ReleasableSpace>): boolean {
  try {
    const { ready, isComplete } = releaseRequests(spaces);
    const areAnswered = ready.length === 0 || host.runNode(RELEASE_PROGRAM, JSON.stringify(ready), LONGEST_MS) === 0;
    return areAnswered && isComplete;
  } catch {
    return false;
  }
}
