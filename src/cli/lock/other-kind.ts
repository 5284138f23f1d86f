import { type KeyKind, KeyKindMismatchError, type LockStatus } from "../../index.ts";

/**
 * Takes what a look at a key shows, and ends the wait for it if the key is used as another kind. The lock would be
 * refused when it is won, and that may be never: a leader keeps it.
 */
export function endsAtOtherKind(key: string, kind: KeyKind, wait: AbortController): (status: LockStatus) => void {
  return ({ kind: found }) => {
    if (found !== undefined && found !== kind) wait.abort(new KeyKindMismatchError(key, kind, found));
  };
}
