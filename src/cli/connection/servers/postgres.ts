import type { PostgresClient } from "azmutex/wake-ups";
import type { ChannelMaker } from "./channel-maker.ts";

const CONNECTED_WITHIN_MS = 5_000;

interface PgClient extends PostgresClient {
  connect(): Promise<unknown>;
  on(
    event: "notification",
    listener: (notification: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
}

/** By the package `pg`. The channel ends its connection by itself, and no command waits for it. */
export const overPostgres: ChannelMaker = async ({ Client }, connectionString, failed) => {
  const { postgresWakeUps } = await import("azmutex/wake-ups");
  const Connection = Client as new (options: object) => PgClient;
  return postgresWakeUps(async () => {
    const client = new Connection({
      connectionString,
      keepAlive: true,
      connectionTimeoutMillis: CONNECTED_WITHIN_MS,
    });
    try {
      await client.connect();
    } catch (error) {
      failed(error);
      throw error;
    }
    client.on("error", failed);
    return client;
  });
};
