import type { ReleaseRequest } from "../../store/release-request.ts";
import type { LockSpace } from "../lock-space.ts";
import { type EndingProcess, isOwn, ownListener } from "./ending-process.ts";
import { LONGEST_MS, RELEASE_PROGRAM } from "./release-program.ts";

/**
 * Calls back at the end of the process, after all listeners to it that are there and that are added later. Where one is
 * added and the process ends before the next turn, it does not call back. Returns what calls it off.
 */
export function onLastExit(host: EndingProcess, callback: () => void): () => void {
  let isOver = false;
  const atExit = ownListener(callback, { isEnding: true });
  const moveBehind = (name: unknown, added: unknown): void => {
    // Listeners of azmutex run no code of the program. Two of them would move behind each other for ever.
    if (name !== "exit" || isOwn(added)) return;
    host.off("exit", atExit);
    queueMicrotask(() => {
      host.off("exit", atExit);
      if (!isOver) host.on("exit", atExit);
    });
  };
  host.on("exit", atExit);
  host.on("newListener", moveBehind);
  return () => {
    isOver = true;
    host.off("exit", atExit);
    host.off("newListener", moveBehind);
  };
}

/**
 * Releases what this process still has in these mutexes, in a child process, for which it waits 2 s at most. For the
 * very end: no code of this process may run any more. A lease is released by its id, so never a successor's. Returns
 * false where a lease may stand for longer: there is no request that could be handed to another process, or the service
 * has not answered. Throws nothing.
 */
export function releaseAtExit(
  host: Pick<EndingProcess, "runNode">,
  spaces: readonly Pick<LockSpace, "store" | "standingLeases">[],
): boolean {
  try {
    const requests = spaces.flatMap(({ store, standingLeases }) =>
      standingLeases.map(({ name, leaseId }) => store.releaseRequest?.(name, leaseId)),
    );
    const ready = requests.filter((request): request is ReleaseRequest => request !== undefined);
    const areAnswered = ready.length === 0 || host.runNode(RELEASE_PROGRAM, JSON.stringify(ready), LONGEST_MS) === 0;
    return areAnswered && ready.length === requests.length;
  } catch {
    return false;
  }
}
