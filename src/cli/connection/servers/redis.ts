import type { IoredisPublisher, IoredisSubscriber, NodeRedisPublisher, NodeRedisSubscriber } from "azmutex/wake-ups";
import type { ChannelMaker } from "./channel-maker.ts";

/** The pause after a connection that failed or was lost, in milliseconds. Each further one is twice as long. */
const FIRST_RECONNECT_MS = 200;
const LONGEST_RECONNECT_MS = 5_000;

interface IoredisClient extends IoredisPublisher, IoredisSubscriber {
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  disconnect(): void;
}

interface NodeRedisClient extends NodeRedisPublisher, NodeRedisSubscriber {
  readonly isReady: boolean;
  on(event: "error", listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  close(): Promise<unknown>;
  destroy(): void;
}

const pauseMs = (failures: number): number => Math.min(LONGEST_RECONNECT_MS, FIRST_RECONNECT_MS * 2 ** failures);

/** By the package `ioredis`. */
export const overIoredis: ChannelMaker = async ({ Redis }, url, failed) => {
  const { ioredisWakeUps } = await import("azmutex/wake-ups");
  const Client = Redis as new (url: string, options: object) => IoredisClient;
  // A message that cannot be sent after a second try is too late.
  const options = {
    maxRetriesPerRequest: 1,
    retryStrategy: (tries: number) => pauseMs(tries - 1),
    // It waits so long at the end, also for a connection that is lost already.
    disconnectTimeout: 200,
  };
  const [publisher, subscriber] = [new Client(url, options), new Client(url, options)];
  for (const client of [publisher, subscriber]) client.on("error", failed);
  return {
    ...ioredisWakeUps({ publisher, subscriber }),
    close() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
};

/** By the package `redis`. */
export const overNodeRedis: ChannelMaker = async ({ createClient }, url, failed) => {
  const { nodeRedisWakeUps } = await import("azmutex/wake-ups");
  const create = createClient as (options: object) => NodeRedisClient;
  const clients = [0, 1].map(() => create({ url, socket: { reconnectStrategy: pauseMs } }));
  const [publisher, subscriber] = clients as [NodeRedisClient, NodeRedisClient];
  for (const client of clients) {
    client.on("error", failed);
    // It goes on connecting, and keeps meanwhile what it is to send.
    client.connect().catch(failed);
  }
  return {
    ...nodeRedisWakeUps({ publisher, subscriber }),
    async close() {
      await Promise.allSettled(clients.map(async (client) => (client.isReady ? client.close() : client.destroy())));
    },
  };
};
