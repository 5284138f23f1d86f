import { systemSources } from "../../../time/clock.ts";
import type { WakeUps } from "../wake-ups.ts";
import { type PostgresClient, PostgresConnection } from "./postgres-connection.ts";

/**
 * Wakes waiters by NOTIFY and LISTEN of PostgreSQL, with clients of the package `pg`. `connect` makes a client and
 * connects it. It is called when a lock is first asked for, and after an outage, in pauses of up to 5 s; waiters poll
 * meanwhile. There is one connection at a time, for both directions. It is closed when no lock was used for half a
 * minute, or all mutexes are closed, and keeps no process alive.
 *
 * A channel is named `azmutex_` and 54 digits of the topic, since PostgreSQL cuts names after 63 bytes. `connect` must
 * reach the server itself: a pooler that shares connections between transactions, such as PgBouncer, loses LISTEN.
 *
 * @example
 * ```ts
 * const wakeUps = postgresWakeUps(async () => {
 *   const client = new pg.Client({ connectionString: postgresUrl, keepAlive: true });
 *   await client.connect();
 *   return client;
 * });
 * const mutex = new AzureMutex({ connectionString, containerName: "locks", wakeUps });
 * ```
 */
export function postgresWakeUps(connect: () => Promise<PostgresClient>): WakeUps {
  const connection = new PostgresConnection(connect, systemSources);
  return {
    publish: (topic, message) => connection.publish(topic, message),
    subscribe: (topic, listener) => connection.subscribe(topic, listener),
  };
}
