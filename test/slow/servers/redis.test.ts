import { describeOutage } from "../../support/message-servers/describe-outage.ts";
import { startRedis } from "../../support/message-servers/redis.ts";
import { connectIoredis, connectNodeRedis } from "../../support/message-servers/redis-clients.ts";

describeOutage("ioredis", startRedis, connectIoredis);
describeOutage("redis", startRedis, connectNodeRedis);
