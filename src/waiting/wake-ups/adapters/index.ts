/**
 * Channels of wake-ups over Redis, PostgreSQL and NATS, made of clients that the program brings. Given as `wakeUps` to
 * a mutex. No client package is imported here.
 *
 * @packageDocumentation
 */

export { type IoredisClients, type IoredisPublisher, type IoredisSubscriber, ioredisWakeUps } from "./ioredis.ts";
export { type NatsConnection, type NatsSubscription, natsWakeUps } from "./nats.ts";
export {
  type NodeRedisClients,
  type NodeRedisPublisher,
  type NodeRedisSubscriber,
  nodeRedisWakeUps,
} from "./node-redis.ts";
export { postgresWakeUps } from "./postgres.ts";
export type { PostgresClient } from "./postgres-connection.ts";
