import { Mutex } from "redis-semaphore";
import { LEASE_MS, type Peer, WAIT_MS } from "./peer.ts";
import { connectRedis, unrefRedis } from "./redis-connection.ts";

/**
 * `Mutex` as in "Example with lost lock handling": `onLockLost` is given (the default throws), `isAcquired` is asked,
 * and the lock is released whatever happens. Renewed every 0.8 of `lockTimeout`, the default.
 */
export const peer: Peer = {
  connect(port) {
    const redis = connectRedis(port);
    return {
      async hold(key, work, { waitMs = WAIT_MS, signal } = {}) {
        const listeners: ((reason: unknown) => void)[] = [];
        const mutex = new Mutex(redis, key, {
          lockTimeout: LEASE_MS,
          acquireTimeout: waitMs,
          onLockLost: (error) => {
            for (const listener of listeners) listener(error);
          },
        });
        await mutex.acquire(signal);
        try {
          await work({ isHeld: () => mutex.isAcquired, onLost: (listener) => listeners.push(listener) });
        } finally {
          await mutex.release();
        }
      },
      unref: () => unrefRedis(redis),
      close: () => redis.disconnect(),
    };
  },
};
