import type { LockStatus } from "./lock-status.ts";

/**
 * The part of a sentence which says that a key is used in ways that do not go together. Undefined if one look shows one
 * way of use.
 */
export function mixedUseOf({ mixedKinds = [], isFairMixed }: LockStatus): string | undefined {
  if (mixedKinds.length > 1) {
    const uses = mixedKinds.map((kind) => (kind === "once" ? "once per slot" : `as ${kind}`));
    return `used ${uses.join(" and ")}, which do not exclude each other`;
  }
  return isFairMixed ? "used with and without fair: users without it get in when the queue is empty" : undefined;
}
