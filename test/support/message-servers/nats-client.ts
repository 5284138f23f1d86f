import { connect } from "@nats-io/transport-node";
import { connect as connectBefore } from "nats";
import { natsWakeUps } from "../../../src/waiting/wake-ups/adapters/index.ts";
import type { OwnChannel } from "./woken-pair.ts";

function optionsOf(url: string) {
  const { hostname, port, username, password } = new URL(url);
  const again = { maxReconnectAttempts: -1, reconnectTimeWait: 200 };
  return { servers: `${hostname}:${port}`, user: username, pass: password, ...again };
}

export async function connectNats(url: string): Promise<OwnChannel> {
  const connection = await connect(optionsOf(url));
  return { wakeUps: natsWakeUps(connection), [Symbol.asyncDispose]: () => connection.close() };
}

/** With the package of before. */
export async function connectNatsBefore(url: string): Promise<OwnChannel> {
  const connection = await connectBefore(optionsOf(url));
  return { wakeUps: natsWakeUps(connection), [Symbol.asyncDispose]: () => connection.close() };
}
