import { describeWokenCommands } from "../../support/message-servers/describe-command.ts";
import { startRedis } from "../../support/message-servers/redis.ts";

describeWokenCommands("Redis", startRedis, ["ioredis", "redis"]);
