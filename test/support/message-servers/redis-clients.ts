import { Redis } from "ioredis";
import { createClient } from "redis";
import { ioredisWakeUps, nodeRedisWakeUps } from "../../../src/waiting/wake-ups/adapters/index.ts";
import type { OwnChannel } from "./woken-pair.ts";

const ignore = (): void => undefined;

export async function connectIoredis(url: string): Promise<OwnChannel> {
  const [publisher, subscriber] = [new Redis(url), new Redis(url)];
  for (const client of [publisher, subscriber]) client.on("error", ignore);
  return {
    wakeUps: ioredisWakeUps({ publisher, subscriber }),
    async [Symbol.asyncDispose]() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

export async function connectNodeRedis(url: string): Promise<OwnChannel> {
  const publisher = await createClient({ url }).on("error", ignore).connect();
  const subscriber = await publisher.duplicate().on("error", ignore).connect();
  return {
    wakeUps: nodeRedisWakeUps({ publisher, subscriber }),
    async [Symbol.asyncDispose]() {
      publisher.destroy();
      subscriber.destroy();
    },
  };
}

/** How many channels have subscribers. */
export async function redisSubscriptions(url: string): Promise<number> {
  const client = await createClient({ url }).connect();
  try {
    const channels = await client.pubSubChannels();
    return channels.length;
  } finally {
    client.destroy();
  }
}

/** The address of a user who may do all but listen. */
export async function withoutChannels(url: string): Promise<string> {
  const client = await createClient({ url }).connect();
  try {
    await client.aclSetUser("quiet", ["on", ">quiet", "+@all", "~*", "resetchannels"]);
    return url.replace(/\/\/:[^@]*@/, "//quiet:quiet@");
  } finally {
    client.destroy();
  }
}
