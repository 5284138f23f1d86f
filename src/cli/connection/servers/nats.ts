import type { NatsConnection } from "azmutex/wake-ups";
import { later } from "../../time.ts";
import type { ChannelMaker } from "./channel-maker.ts";

const CONNECT_WITHIN_MS = 5_000;
const END_WITHIN_MS = 200;

interface Connection extends NatsConnection {
  status(): AsyncIterable<{ readonly type: string }>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** By the package `@nats-io/transport-node`, or `nats`, which was it before. */
export const overNats: ChannelMaker = async ({ connect }, url, failed) => {
  const { natsWakeUps } = await import("azmutex/wake-ups");
  const { host, username, password } = new URL(url);
  const options = {
    servers: host,
    user: username === "" ? undefined : decodeURIComponent(username),
    pass: password === "" ? undefined : decodeURIComponent(password),
    timeout: CONNECT_WITHIN_MS,
    maxReconnectAttempts: -1,
  };
  let isOver = false;
  let connecting: Promise<Connection> | undefined;
  const watch = async (connection: Connection): Promise<void> => {
    for await (const { type } of connection.status())
      if (type === "disconnect" && !isOver) failed(Object.assign(new Error("the connection was lost"), { code: type }));
  };
  // Once there is a connection, the client makes it again by itself.
  const connected = (): Promise<Connection> => {
    if (connecting !== undefined) return connecting;
    connecting = (connect as (options: object) => Promise<Connection>)(options);
    connecting.then(watch).catch((error: unknown) => {
      connecting = undefined;
      failed(error);
    });
    return connecting;
  };
  return {
    publish: async (topic, message) => natsWakeUps(await connected()).publish(topic, message),
    subscribe: async (topic, listener) => natsWakeUps(await connected()).subscribe(topic, listener),
    async close() {
      isOver = true;
      const connection = await connecting;
      if (connection === undefined) return;
      // One that is lost waits for its server.
      later(END_WITHIN_MS, () => connection.close());
      await connection.drain();
    },
  };
};
