import "./loaded-before.ts";
import type { FakeClock } from "../../src/testing/index.ts";

/** What comes of a promise as time passes. Throws if nothing does within so long, or as soon as `check` does. */
export async function settled<T>(
  clock: FakeClock,
  promise: Promise<T>,
  withinMs: number,
  check: () => void = () => undefined,
): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  const settling = Promise.allSettled([promise]).then(([only]) => {
    result = only;
  });
  for (const end = clock.now() + withinMs; result === undefined; ) {
    if (clock.now() > end) throw new Error(`nothing came of it within ${withinMs} ms`);
    check();
    await clock.advance(20);
  }
  await settling;
  return result;
}
