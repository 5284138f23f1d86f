import type { WakeUps } from "../wake-ups.ts";
import { TopicListeners } from "./topic-listeners.ts";

/** What {@link ioredisWakeUps} needs of the connection that sends: `Redis` or `Cluster` of ioredis. */
export interface IoredisPublisher {
  /** Resolves once it is sent. */
  publish(channel: string, message: string): Promise<unknown>;
}

/** What {@link ioredisWakeUps} needs of the connection that listens: `Redis` or `Cluster` of ioredis. */
export interface IoredisSubscriber {
  /** Calls the listener with each message of a channel that is subscribed. */
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  /** Resolves once messages arrive. */
  subscribe(channel: string): Promise<unknown>;
  /** Resolves once no messages arrive. */
  unsubscribe(channel: string): Promise<unknown>;
}

/** The connections of {@link ioredisWakeUps}. */
export interface IoredisClients {
  /** Sends. The program may use it for other commands. */
  readonly publisher: IoredisPublisher;
  /** Listens. It can send no other commands once it does. */
  readonly subscriber: IoredisSubscriber;
}

const CHANNEL_PREFIX = "azmutex:";

/** The listeners of each connection, so that all channels made of it share them. */
const topicsOf = new WeakMap<IoredisSubscriber, TopicListeners>();

/**
 * Wakes waiters by PUBLISH and SUBSCRIBE of Redis, with clients of the package `ioredis`. A channel is named
 * `azmutex:<topic>`. ioredis connects and subscribes again by itself after an outage; waiters poll meanwhile. Both
 * connections stay the caller's to close, after the mutex.
 *
 * @example
 * ```ts
 * const publisher = new Redis("redis://127.0.0.1:6379");
 * const wakeUps = ioredisWakeUps({ publisher, subscriber: publisher.duplicate() });
 * const mutex = new AzureMutex({ connectionString, containerName: "locks", wakeUps });
 * ```
 */
export function ioredisWakeUps({ publisher, subscriber }: IoredisClients): WakeUps {
  const listeners = topicsOf.get(subscriber) ?? topicsHeardBy(subscriber);
  return {
    publish: (topic, message) => publisher.publish(CHANNEL_PREFIX + topic, message),
    subscribe: (topic, listener) => listeners.add(topic, listener),
  };
}

function topicsHeardBy(subscriber: IoredisSubscriber): TopicListeners {
  const listeners = new TopicListeners({
    subscribe: (topic) => subscriber.subscribe(CHANNEL_PREFIX + topic),
    unsubscribe: (topic) => subscriber.unsubscribe(CHANNEL_PREFIX + topic),
  });
  subscriber.on("message", (channel, message) => {
    if (channel.startsWith(CHANNEL_PREFIX)) listeners.deliver(channel.slice(CHANNEL_PREFIX.length), message);
  });
  topicsOf.set(subscriber, listeners);
  return listeners;
}
