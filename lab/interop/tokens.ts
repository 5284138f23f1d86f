import { seconds } from "../shared/duration.ts";
import type { Place } from "./place.ts";
import type { Verdict } from "./verdict.ts";

const ROUNDS = 4;

/** Go wipes our record each time it locks. */
export async function tokensAcrossGo(place: Place, verdict: Verdict): Promise<void> {
  const key = "tokens";
  const go = place.go();
  const faithful = place.mutex();
  const tokens: number[] = [];
  const waits: number[] = [];
  let wiped = 0;
  const take = async (mutex = faithful): Promise<void> => {
    const began = performance.now();
    const lock = await mutex.locker(key).lock({ signal: place.stop });
    waits.push(performance.now() - began);
    tokens.push(lock.fencingToken ?? Number.NaN);
    await lock.release();
  };

  await take();
  // That one made blob and container, and did not come after Go.
  waits.length = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await go.do({ do: "acquire", key, seconds: 60 });
    const { highestToken } = await faithful.inspect(key);
    await go.do({ do: "release", key });
    if (highestToken === undefined) wiped += 1;
    // By turns one that still knows its last block, and one that knows nothing.
    await take(round % 2 === 0 ? place.mutex() : faithful);
  }
  verdict.check(
    "Go's lock wipes our record, which inspect then has no token of",
    wiped === ROUNDS,
    `${wiped} of ${ROUNDS} times`,
  );
  const grown = tokens.filter((token, index) => token > (tokens[index - 1] ?? 0)).length;
  const longest = seconds(Math.max(...waits));
  const seen =
    `${grown} of ${tokens.length}, from ${tokens[0]} to ${tokens.at(-1)}; the lock after Go took ${longest} ` +
    "at most";
  verdict.check("fencing tokens grow across Go's holds", grown === tokens.length && Math.max(...waits) < 4_000, seen);
}
