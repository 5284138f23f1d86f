import { afterAll, beforeAll } from "vitest";
import { describeChannel } from "../support/message-servers/describe-channel.ts";
import { startNats } from "../support/message-servers/nats.ts";
import { connectNats, connectNatsBefore } from "../support/message-servers/nats-client.ts";

let nats: Awaited<ReturnType<typeof startNats>>;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats?.[Symbol.asyncDispose]());

for (const [name, connect] of [
  ["@nats-io/transport-node", connectNats],
  ["nats", connectNatsBefore],
] as const)
  describeChannel(name, {
    server: () => nats,
    connect,
    connectRefused: (url) => connect(url.replace("azmutex:", "quiet:")),
    subscriptions: () => nats.subscriptions(),
  });
