import pg from "pg";
import { postgresWakeUps } from "../../../src/waiting/wake-ups/adapters/index.ts";
import type { OwnChannel } from "./woken-pair.ts";

/** The connections that channels have now. */
const connections = new Set<pg.Client>();

/** It closes its connection by itself once there is no listener. */
export async function connectPostgres(connectionString: string): Promise<OwnChannel> {
  const own = new Set<pg.Client>();
  let isOver = false;
  const wakeUps = postgresWakeUps(async () => {
    if (isOver) throw new Error("the test is over");
    const client = new pg.Client({ connectionString });
    await client.connect();
    for (const clients of [own, connections]) {
      clients.add(client);
      client.on("end", () => clients.delete(client));
    }
    return client;
  });
  return {
    wakeUps,
    async [Symbol.asyncDispose]() {
      // It would connect again for what still listens.
      isOver = true;
      await Promise.all([...own].map((client) => client.end()));
    },
  };
}

/** To how many channels the connections listen. */
export async function listeningChannels(): Promise<number> {
  const rows = [...connections].map(async (client) => {
    // One that has nothing to listen to closes at any time.
    const answer = await client.query("SELECT pg_listening_channels()").catch(() => undefined);
    return answer?.rows.length ?? 0;
  });
  return (await Promise.all(rows)).reduce((sum, count) => sum + count, 0);
}

export function openConnections(): number {
  return connections.size;
}

/** Ends all connections but its own, as an administrator does. */
export async function terminateConnections(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'azmutex' AND pid <> pg_backend_pid()",
    );
  } finally {
    await client.end();
  }
}
