import type { Chance } from "../shared/chance.ts";
import type { FaultProxy } from "../shared/wire/fault-proxy.ts";
import type { EndOfFault, WireOperations } from "../shared/wire/wire-faults.ts";
import type { NetworkTrouble } from "./plan.ts";

/** Polls would drown in it what matters. */
const WITHOUT_POLLS: WireOperations = [
  "renew",
  "release",
  "change",
  "create",
  "writeMetadata",
  "deleteBlob",
  "read",
  "list",
];
/** What a request may take before it is given up, roughly: answers are made to arrive just within it. */
const JUST_IN_TIME_MS = [1_500, 2_700] as const;
/** A request may be under way for so long, when its sender has long given up. */
const LATE_MS = [2_000, 20_000] as const;

/**
 * What a gateway says by itself: it does not know the address, or the way, or the sender; or takes it all for a page of
 * its own.
 */
const GATEWAY_STATUSES = [200, 403, 404, 502] as const;

/** Disturbs what one worker sends to the storage and hears from it, and leaves it as it was. */
export async function disturb(
  proxy: FaultProxy,
  kind: NetworkTrouble,
  forMs: number,
  chance: Chance,
  rest: (ms: number) => Promise<void>,
): Promise<void> {
  const often = { when: () => chance.isOnce(0.4) };
  const during = async (ms: number, ...ends: EndOfFault[]): Promise<void> => {
    await rest(ms);
    for (const end of ends) end();
  };
  switch (kind) {
    case "latency":
      return during(forMs, proxy.delay("all", chance.between(20, 1_200)));
    case "busy":
      return during(
        forMs,
        proxy.serverBusy("all", { when: () => chance.isOnce(0.3) }),
        proxy.serverBusy("all", { when: () => chance.isOnce(0.3), retryAfterSeconds: 1 + chance.upTo(3) }),
      );
    case "cut":
      return during(forMs, proxy.reset("all"));
    case "halfOpen":
      return during(forMs, chance.isOnce(0.5) ? proxy.hang("all") : proxy.hangAfter("all"));
    case "lostAnswers":
      return during(forMs, proxy.dropAnswer("all", often));
    case "doubled":
      // A poll that arrives again can bring a lease that no task waits for any more: it costs a lease, and must not
      // cost more.
      return during(
        forMs,
        ...[50, 500, 5_000].map((ms) => proxy.duplicate(WITHOUT_POLLS, ms, often)),
        proxy.duplicate("acquire", chance.between(50, 5_000), { when: () => chance.isOnce(0.1) }),
      );
    case "lateRequests":
      return during(
        forMs,
        ...[0, 1, 2].map(() => proxy.delay("all", chance.between(...LATE_MS), { when: () => chance.isOnce(0.1) })),
      );
    case "gateway":
      return during(
        forMs,
        ...GATEWAY_STATUSES.map((status) => proxy.gateway("all", status, { when: () => chance.isOnce(0.1) })),
      );
    case "slowThenCut": {
      await during(forMs / 2, proxy.delayAnswer("all", chance.between(...JUST_IN_TIME_MS)));
      return during(forMs / 2, proxy.hang("all"));
    }
  }
}
