import type { GuardedSpace } from "./guardian.ts";

/** Guards what the mutex has, from its first lease on, until the returned function is called. */
export function guard(space: GuardedSpace): () => void {
  let isOver = false;
  let leave = (): void => {
    isOver = true;
  };
  const begin = async (): Promise<void> => {
    const { ownGuardian } = await import("./guardian.ts");
    if (!isOver) leave = ownGuardian.watch(space);
  };
  const stop = space.standing.onChange({
    onStanding() {
      stop();
      begin().catch((error) => space.log(`no guardian process can be started (${String(error)})`));
    },
    onGone: () => undefined,
  });
  return () => leave();
}
