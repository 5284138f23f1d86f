import { describeOutage } from "../../support/message-servers/describe-outage.ts";
import { startPostgres } from "../../support/message-servers/postgres.ts";
import { connectPostgres } from "../../support/message-servers/postgres-client.ts";

describeOutage("pg", startPostgres, connectPostgres);
