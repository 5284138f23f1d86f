import { createLock, IoredisAdapter } from "redlock-universal";
import { LEASE_MS, type Peer, WAIT_MS } from "./peer.ts";
import { connectRedis, unrefRedis } from "./redis-connection.ts";

/** The pause between two tries to get the lock, which is the library's default. */
const RETRY_DELAY_MS = 100;

/**
 * `createLock` and `using`, "recommended": it extends the lock with a fifth of its time left. More tries than the
 * default's three, so that it waits; `retryAttempts` is about getting the lock only.
 */
export const peer: Peer = {
  connect(port) {
    const redis = connectRedis(port);
    const adapter = new IoredisAdapter(redis);
    return {
      async hold(key, work, { waitMs = WAIT_MS } = {}) {
        const retryAttempts = Math.ceil(waitMs / RETRY_DELAY_MS);
        const lock = createLock({ adapter, key, ttl: LEASE_MS, retryDelay: RETRY_DELAY_MS, retryAttempts });
        await lock.using(async (signal) => {
          await work({
            isHeld: () => !signal.aborted,
            onLost: (listener) => signal.addEventListener("abort", () => listener(signal.error ?? signal.reason)),
          });
        });
      },
      unref: () => unrefRedis(redis),
      close: () => redis.disconnect(),
    };
  },
};
