import type { LockBlob } from "../../lease/lock-blob.ts";
import { isUnsure, type RetryPolicy, retry } from "../../lease/retry.ts";
import type { ReadAnswer } from "../../store/lease-store.ts";
import { sleep } from "../../time/clock.ts";
import { restAfter } from "../../waiting/polling.ts";
import type { KeyWakeUps } from "../../waiting/wake-ups/key-wake-ups.ts";
import { type Leader, leaderIn } from "./leader.ts";

/** How a leader is observed. */
interface LeaderObservation {
  readonly everyMs: number;
  readonly signal: AbortSignal | undefined;
  /** What tells of a change before the next look is due, where there is a channel. */
  readonly wakeUps: Promise<KeyWakeUps | undefined> | undefined;
}

/** {@link LeaderElection.observe} */
export async function* leaderChanges(
  blob: LockBlob,
  { everyMs, signal, wakeUps }: LeaderObservation,
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
  const watch = (await wakeUps)?.watch();
  try {
    for (;;) {
      const found = leaderIn(blob.key, await retry(blob, look, policy));
      // Not the leader before: its record stays until the next leader has written its own.
      const isPast = found && (found.term < highest || (found.term === highest && !shown?.leader));
      const leader = isPast ? undefined : found;
      if (!shown || leader?.term !== shown.leader?.term) {
        highest = Math.max(highest, leader?.term ?? 0);
        shown = { leader };
        if (leader) watch?.found();
        yield leader;
      }
      await (watch?.rest(restMs, signal) ?? sleep(clock, restMs, { signal }));
    }
  } finally {
    watch?.end();
  }
}
