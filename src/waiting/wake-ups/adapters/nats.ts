import type { WakeUps } from "../wake-ups.ts";

/** A subscription of NATS, as far as {@link natsWakeUps} needs it. */
export interface NatsSubscription {
  /** Whether it is over, as after a refusal of the server. */
  isClosed(): boolean;
  /** Ends it. */
  unsubscribe(): void;
}

/** What {@link natsWakeUps} needs of a connection of `@nats-io/transport-node` or `nats`. */
export interface NatsConnection {
  /** Sends it, or keeps it until it can be sent. */
  publish(subject: string, payload: string): unknown;
  /** Calls back with each message, or with the reason for which there will be none. */
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: { string(): string }) => void },
  ): NatsSubscription;
  /** Resolves once the server has read what was sent. */
  flush(): Promise<void>;
}

/**
 * Wakes waiters by messages of NATS (core, not JetStream). A subject is named `azmutex.<topic>`. The client
 * connects and subscribes again by itself, by default for 20 s after an outage and then never again: give it
 * `maxReconnectAttempts: -1`. Waiters poll meanwhile. The connection stays the caller's to close, after the mutex.
 *
 * @example
 * ```ts
 * const connection = await connect({ servers: "nats://127.0.0.1:4222", maxReconnectAttempts: -1 });
 * const wakeUps = natsWakeUps(connection);
 * const mutex = new AzureMutex({ connectionString, containerName: "locks", wakeUps });
 * ```
 */
export function natsWakeUps(connection: NatsConnection): WakeUps {
  return {
    publish: (topic, message) => connection.publish(`azmutex.${topic}`, message),
    async subscribe(topic, listener) {
      let refusal: Error | undefined;
      const subscription = connection.subscribe(`azmutex.${topic}`, {
        callback(error, message) {
          if (error) refusal = error;
          else listener(message.string());
        },
      });
      try {
        // The server answers this after the subscription, and after a refusal of it.
        await connection.flush();
        if (subscription.isClosed()) throw refusal ?? new Error("the NATS server refused the subscription");
      } catch (error) {
        subscription.unsubscribe();
        throw error;
      }
      return () => subscription.unsubscribe();
    },
  };
}
