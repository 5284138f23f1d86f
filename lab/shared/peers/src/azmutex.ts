import { setTimeout as sleep } from "node:timers/promises";
import {
  AzureMutex,
  type ConnectOptions,
  type LockerOptions,
  localWakeUps,
  releaseOnSignals,
  type WakeUps,
} from "../../../../dist/index.js";
import { LEASE_MS, type Peer, WAIT_MS } from "./peer.ts";

export const SHORT_LEASE: LockerOptions = { leaseSeconds: LEASE_MS / 1_000 };

/** azmutex with its defaults, but for the length of the lease. */
export const peer: Peer = withOptions(SHORT_LEASE);

const FAIR: LockerOptions = { ...SHORT_LEASE, fair: true };
const fair = withOptions(FAIR);

/** The same with something chosen otherwise. */
export const variants: Readonly<Record<string, Peer>> = {
  unfenced: withOptions({ ...SHORT_LEASE, fencing: false }),
  fair,
  woken: withOptions(SHORT_LEASE, told),
  fairWoken: withOptions(FAIR, told),
  // DistributedLock.Azure documents that it asks again after a time between these two, chosen evenly.
  distributedLock: withOptions({ ...SHORT_LEASE, poll: { quickForMs: 0, steadyMs: [250, 1_000] } }),
  // 30 s are the default.
  plain30: withOptions({}),
  fair30: withOptions({ fair: true }),
  plain15: peer,
  fair15: fair,
};

type WayIn = (address: string) => ConnectOptions & { readonly wakeUps?: WakeUps };

/** Half of the round trip to the storage, in milliseconds: messages take as long as requests. */
const MESSAGE_MS = 2.5;

/** With a channel over which a message takes as long as half a request. */
function told(connectionString: string): ReturnType<WayIn> {
  const channel = localWakeUps();
  const publish: WakeUps["publish"] = async (topic, message) => {
    await sleep(MESSAGE_MS);
    await channel.publish(topic, message);
  };
  return { connectionString, wakeUps: { ...channel, publish } };
}

export function withOptions(options: LockerOptions, wayIn: WayIn = (connectionString) => ({ connectionString })): Peer {
  return {
    connect(address) {
      const mutex = new AzureMutex({ ...wayIn(address), containerName: "locks" });
      return {
        async hold(key, work, { waitMs = WAIT_MS, signal } = {}) {
          await mutex.locker(key, options).run(
            (lock) =>
              work({
                isHeld: () => lock.isHeld,
                onLost: (listener) => lock.signal.addEventListener("abort", () => listener(lock.signal.reason)),
              }),
            { timeoutMs: waitMs, signal },
          );
        },
        releaseOnSignals: () => releaseOnSignals(mutex).signal,
        // Its connections and timers never keep a process.
        unref: () => undefined,
        close: () => undefined,
      };
    },
  };
}
