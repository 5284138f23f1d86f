import { describeCommandsInOutage } from "../../../support/message-servers/describe-command.ts";
import { startRedis } from "../../../support/message-servers/redis.ts";

describeCommandsInOutage("Redis", startRedis, ["ioredis", "redis"]);
