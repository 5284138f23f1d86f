import { LockLostError, type LossReason } from "../errors.ts";
import type { Refused } from "../store/lease-store.ts";

/** What happened to the lease, for readers who do not know the service's codes. */
const WORDS: Readonly<Record<LossReason, string>> = Object.freeze({
  broken: "broken by another process",
  taken: "another process has leased or written its blob since",
  expired: "its lease had run out",
  deleted: "its blob or container was deleted",
  released: "it was released",
  maxHold: "it was held for too long",
});

/** The loss that a refusal proves: in words, then with the service's code, which is the `cause` too. */
export function lossBy({ why, status }: Refused, key: string, request: string): LockLostError {
  const refusal = `${request} refused: ${status}`;
  return new LockLostError(key, why, `${WORDS[why]} (${refusal})`, { cause: new Error(refusal) });
}
