import { describeCommandsInOutage, describeWokenCommands } from "../../../support/message-servers/describe-command.ts";
import { startNats } from "../../../support/message-servers/nats.ts";

describeWokenCommands("NATS", startNats, ["@nats-io/transport-node", "nats"]);
describeCommandsInOutage("NATS", startNats, ["@nats-io/transport-node", "nats"]);
