import { describeCommandsInOutage, describeWokenCommands } from "../../../support/message-servers/describe-command.ts";
import { startPostgres } from "../../../support/message-servers/postgres.ts";

describeWokenCommands("PostgreSQL", startPostgres, ["pg"]);
describeCommandsInOutage("PostgreSQL", startPostgres, ["pg"]);
