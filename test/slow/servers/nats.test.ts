import { describeOutage } from "../../support/message-servers/describe-outage.ts";
import { startNats } from "../../support/message-servers/nats.ts";
import { connectNats } from "../../support/message-servers/nats-client.ts";

describeOutage("@nats-io/transport-node", startNats, connectNats);
