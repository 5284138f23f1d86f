import { setTimeout as sleep } from "node:timers/promises";
import { LeaseAlreadyPresentError } from "azmutex";
import { seconds } from "../shared/duration.ts";
import type { Place } from "./place.ts";
import type { Verdict } from "./verdict.ts";

/** Names that a client may well write into an address in its own way: two blobs would then be two locks. */
const KEYS = [
  "plain",
  "deploy/eu/42",
  "two words",
  "50% + 1?",
  "a#b&c=d",
  "nächtlich/Bericht",
  "鍵 🔒",
  "%2F",
  "~tilde'quote(1)!*",
];
const SHORTEST_LEASE_SECONDS = 15;
/** More than two of Go's polls, so that it shows whether we release or the lease only runs out. */
const LEASE_SECONDS = 30;
/** Go asks every ten seconds. */
const GO_POLLS_EVERY_MS = 10_000;
/** For a process to be told, and for a busy machine. */
const SLACK_MS = 2_000;

/** The holder is seen by the other side, under any key. */
export async function keysOfBothSides(place: Place, verdict: Verdict): Promise<void> {
  const go = place.go();
  const mutex = place.mutex();
  const acquire = async (key: string): Promise<boolean> => {
    try {
      await mutex.acquire(key, SHORTEST_LEASE_SECONDS);
      return true;
    } catch (error) {
      if (error instanceof LeaseAlreadyPresentError) return false;
      throw error;
    }
  };
  const refusesGo: string[] = [];
  const refusesUs: string[] = [];
  for (const key of KEYS) {
    await mutex.acquire(key, SHORTEST_LEASE_SECONDS);
    const whileOurs = await go.ask({ do: "acquire", key, seconds: SHORTEST_LEASE_SECONDS });
    await mutex.release(key);
    const afterOurs = await go.ask({ do: "acquire", key, seconds: SHORTEST_LEASE_SECONDS });
    if (whileOurs.kind === "held" && afterOurs.kind === "done") refusesGo.push(key);

    const whileGos = await acquire(key);
    const { isHeld } = await mutex.inspect(key);
    await go.do({ do: "release", key });
    const afterGos = whileGos || (await acquire(key));
    await mutex.release(key);
    if (!whileGos && isHeld && afterGos) refusesUs.push(key);
  }
  const all = KEYS.length;
  verdict.check(
    "Go's Acquire is refused while we hold, and granted after",
    refusesGo.length === all,
    `${refusesGo.length} of ${all} keys`,
  );
  verdict.check(
    "our acquire is refused while Go holds, and granted after",
    refusesUs.length === all,
    `${refusesUs.length} of ${all} keys`,
  );
}

/** A Go locker that waits gets in once we let go, and not before. */
export async function goWaitsForUs(place: Place, verdict: Verdict): Promise<void> {
  const key = "go-waits";
  const lock = await place.mutex().locker(key, { leaseSeconds: LEASE_SECONDS }).lock({ signal: place.stop });
  let isIn = false;
  const go = place.go();
  const entered = go.do({ do: "lock", key }).then(() => {
    isIn = true;
    return performance.now();
  });
  // So long that Go would have got in after the lease, if we did not renew it.
  await Promise.race([sleep(LEASE_SECONDS * 1_000 + GO_POLLS_EVERY_MS + SLACK_MS), entered]);
  const wasIn = isIn;
  const releasedAt = performance.now();
  await lock.release();
  const afterMs = (await entered) - releasedAt;
  await go.do({ do: "unlock", key });
  const isRight = !wasIn && afterMs <= GO_POLLS_EVERY_MS + SLACK_MS;
  verdict.check(
    "a waiting Go locker gets in at its next poll after our release",
    isRight,
    wasIn ? "it was in before" : `after ${seconds(afterMs)}`,
  );
}

/** A locker of ours that waits gets in once Go lets go, and not before; and what we see of Go meanwhile. */
export async function weWaitForGo(place: Place, verdict: Verdict): Promise<void> {
  const key = "we-wait";
  const mutex = place.mutex();
  const locker = mutex.locker(key, { leaseSeconds: SHORTEST_LEASE_SECONDS });
  // Leaves a record, which is not to be taken for Go's.
  await (await locker.lock({ signal: place.stop })).release();
  const go = place.go();
  await go.do({ do: "lock", key });

  const { isHeld, state, infinite, holder, highestToken } = await mutex.inspect(key);
  const isNameless = isHeld && state === "leased" && !infinite && holder === undefined && highestToken === undefined;
  const told = `${state}, ${holder ? `held by ${holder.name}` : "by an unknown holder"}, ${highestToken ?? "no"} token`;
  verdict.check("inspect tells a hold of Go's without a holder", isNameless, told);
  const { code, output } = await place.command("status", key);
  const isSaid = code === 0 && output.startsWith(`${key}: held`) && /holder +unknown: .*go-azuremutex/.test(output);
  verdict.check("azmutex status says so", isSaid, output.split("\n").join(" | "));

  const tried = await locker.tryLock();
  await tried?.release();
  let isIn = false;
  const entered = locker.lock({ signal: place.stop }).then((lock) => {
    isIn = true;
    return { lock, at: performance.now() };
  });
  // Past a renewal of Go's.
  await Promise.race([sleep(12_000), entered]);
  const wasIn = tried !== undefined || isIn;
  const unlockedAt = performance.now();
  await go.do({ do: "unlock", key });
  const { lock, at } = await entered;
  await lock.release();
  const isRight = !wasIn && at - unlockedAt <= SLACK_MS;
  verdict.check(
    "a waiting locker of ours gets in within a second or two of Go's Unlock",
    isRight,
    wasIn ? "it was in before" : `after ${seconds(at - unlockedAt)}`,
  );
}
