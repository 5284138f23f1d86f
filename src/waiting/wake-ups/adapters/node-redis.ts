import type { WakeUps } from "../wake-ups.ts";

/** What {@link nodeRedisWakeUps} needs of the connection that sends: a client of the package `redis`. */
export interface NodeRedisPublisher {
  /** Resolves once it is sent. */
  publish(channel: string, message: string): Promise<unknown>;
}

/** What {@link nodeRedisWakeUps} needs of the connection that listens: a client of the package `redis`. */
export interface NodeRedisSubscriber {
  /** Resolves once messages arrive. */
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  /** Ends what the same listener was given for. */
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
}

/** The connections of {@link nodeRedisWakeUps}, both connected. */
export interface NodeRedisClients {
  /** Sends. The program may use it for other commands. */
  readonly publisher: NodeRedisPublisher;
  /** Listens. With RESP2 it can send no other commands once it does. */
  readonly subscriber: NodeRedisSubscriber;
}

/**
 * Wakes waiters by PUBLISH and SUBSCRIBE of Redis, with clients of the package `redis`. A channel is named
 * `azmutex:<topic>`. The clients connect and subscribe again by themselves after an outage; waiters poll meanwhile.
 * Both connections stay the caller's to close, after the mutex. Each needs a listener for `error`, without which
 * `redis` ends the process when a connection is lost.
 *
 * @example
 * ```ts
 * const publisher = await createClient({ url: "redis://127.0.0.1:6379" }).on("error", console.error).connect();
 * const subscriber = await publisher.duplicate().on("error", console.error).connect();
 * const wakeUps = nodeRedisWakeUps({ publisher, subscriber });
 * const mutex = new AzureMutex({ connectionString, containerName: "locks", wakeUps });
 * ```
 */
export function nodeRedisWakeUps({ publisher, subscriber }: NodeRedisClients): WakeUps {
  return {
    publish: (topic, message) => publisher.publish(`azmutex:${topic}`, message),
    async subscribe(topic, listener) {
      // The client counts the listeners of a channel, each function once.
      const own = (message: string): void => listener(message);
      await subscriber.subscribe(`azmutex:${topic}`, own);
      return () => subscriber.unsubscribe(`azmutex:${topic}`, own);
    },
  };
}
