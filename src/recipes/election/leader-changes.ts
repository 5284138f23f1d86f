import type { LockBlob } from "../../lease/lock-blob.ts";
import { isUnsure, type RetryPolicy, retry } from "../../lease/retry.ts";
import type { ReadAnswer } from "../../store/lease-store.ts";
import { sleep } from "../../time/clock.ts";
import { restAfter } from "../../waiting/polling.ts";
import { type Leader, leaderIn } from "./leader.ts";

/** {@link LeaderElection.observe} */
export async function* leaderChanges(
  blob: LockBlob,
  everyMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Leader | undefined, never, undefined> {
  const { clock, random, log } = blob;
  let highest = 0;
  let shown: { readonly leader: Leader | undefined } | undefined;
  let restMs = everyMs;
  const look = (): Promise<ReadAnswer> => {
    restMs = everyMs * (0.9 + random() / 5);
    return blob.read({ signal });
  };
  const policy: RetryPolicy = {
    signal,
    isRepeated: (error) => !signal?.aborted && isUnsure(error),
    failed: (error, failures) => {
      log(`observing who leads "${blob.key}": ${error.message}`);
      return Math.max(restMs, restAfter(error, failures, random));
    },
  };
  for (;;) {
    const found = leaderIn(blob.key, await retry(blob, look, policy));
    // Not the leader before: its record stays until the next leader has written its own.
    const isPast = found && (found.term < highest || (found.term === highest && !shown?.leader));
    const leader = isPast ? undefined : found;
    if (!shown || leader?.term !== shown.leader?.term) {
      highest = Math.max(highest, leader?.term ?? 0);
      shown = { leader };
      yield leader;
    }
    await sleep(clock, restMs, { signal });
  }
}
