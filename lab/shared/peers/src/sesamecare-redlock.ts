import { setTimeout as sleep } from "node:timers/promises";
import { ExecutionError, Redlock } from "@sesamecare-oss/redlock";
import { LEASE_MS, type Peer, WAIT_MS } from "./peer.ts";
import { connectRedis, unrefRedis } from "./redis-connection.ts";

/**
 * `using` with the settings of the README, which are the defaults but for the jitter. It waits by being called again
 * and again: `retryCount` counts for extending and releasing a lock as well as for getting it, and more of it would put
 * off the signal.
 */
export const peer: Peer = {
  connect(port) {
    const redis = connectRedis(port);
    const redlock = new Redlock([redis], {
      driftFactor: 0.01,
      retryCount: 10,
      retryDelay: 200,
      retryJitter: 200,
      automaticExtensionThreshold: 500,
    });
    return {
      async hold(key, work, { waitMs = WAIT_MS } = {}) {
        const until = performance.now() + waitMs;
        for (;;) {
          let began = false;
          try {
            await redlock.using([key], LEASE_MS, async (signal) => {
              began = true;
              await work({
                isHeld: () => !signal.aborted,
                onLost: (listener) => signal.addEventListener("abort", () => listener(signal.error ?? signal.reason)),
              });
            });
            return;
          } catch (error) {
            if (began || !(error instanceof ExecutionError) || performance.now() > until) throw error;
            await sleep(0);
          }
        }
      },
      unref: () => unrefRedis(redis),
      close: () => redis.disconnect(),
    };
  },
};
