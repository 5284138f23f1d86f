import { Redis } from "ioredis";

/**
 * A connection with ioredis's own defaults, which is how every one of the libraries' documents makes it: commands are
 * sent again after a reconnect, and none has a time-out. What is lost is not printed.
 */
export function connectRedis(port: string): Redis {
  const redis = new Redis(Number(port), "127.0.0.1");
  redis.on("error", () => undefined);
  return redis;
}

/** Also for connections that are still to come. */
export function unrefRedis(redis: Redis): void {
  const unref = (): void => {
    redis.stream?.unref();
  };
  unref();
  redis.on("connect", unref);
}
