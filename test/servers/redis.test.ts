import { afterAll, beforeAll } from "vitest";
import { describeChannel } from "../support/message-servers/describe-channel.ts";
import { startRedis } from "../support/message-servers/redis.ts";
import {
  connectIoredis,
  connectNodeRedis,
  redisSubscriptions,
  withoutChannels,
} from "../support/message-servers/redis-clients.ts";
import type { MessageServer } from "../support/message-servers/server.ts";

let redis: MessageServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.[Symbol.asyncDispose]());

const server = (): MessageServer => redis;

describeChannel("ioredis", {
  server,
  connect: connectIoredis,
  connectRefused: async (url) => connectIoredis(await withoutChannels(url)),
  subscriptions: () => redisSubscriptions(redis.url),
});

describeChannel("redis", {
  server,
  connect: connectNodeRedis,
  connectRefused: async (url) => connectNodeRedis(await withoutChannels(url)),
  subscriptions: () => redisSubscriptions(redis.url),
});
