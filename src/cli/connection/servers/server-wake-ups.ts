import type { WakeUps } from "../../../index.ts";
import { atEndOfCommand } from "../../at-end.ts";
import { CommandError, EXIT } from "../../exit-codes.ts";
import { terminal } from "../../terminal/terminal.ts";
import type { ChannelMaker } from "./channel-maker.ts";
import { firstInstalled } from "./installed-package.ts";
import { overNats } from "./nats.ts";
import { overPostgres } from "./postgres.ts";
import { overIoredis, overNodeRedis } from "./redis.ts";
import { type Protocol, protocolOf } from "./server-address.ts";

interface Server {
  readonly name: string;
  /** By the names of packages. */
  readonly clients: Readonly<Record<string, ChannelMaker>>;
}

const REDIS: Server = { name: "Redis", clients: { ioredis: overIoredis, redis: overNodeRedis } };
const POSTGRES: Server = { name: "PostgreSQL", clients: { pg: overPostgres } };
const NATS: Server = { name: "NATS", clients: { "@nats-io/transport-node": overNats, nats: overNats } };

const SERVERS: Readonly<Record<Protocol, Server>> = {
  "redis:": REDIS,
  "rediss:": REDIS,
  "postgres:": POSTGRES,
  "postgresql:": POSTGRES,
  "nats:": NATS,
};

/**
 * The channel over the server of this address, by a client that the user has installed. It is closed at the end of the
 * command. Throws a {@link CommandError} if there is none.
 */
export async function serverWakeUps(url: string): Promise<WakeUps> {
  const { name, clients } = SERVERS[protocolOf(url) ?? "redis:"];
  const names = Object.keys(clients);
  const found = await firstInstalled(names);
  const make = found && clients[found.name];
  if (!make) {
    const [first] = names;
    const lacks = names.length > 1 ? `neither ${names.join(" nor ")} is` : `${first} is not`;
    throw new CommandError(
      `wake-ups over ${name} take a client, and ${lacks} installed here: npm install ${first}`,
      EXIT.usage,
    );
  }
  const { close, ...channel } = await make(found.module, url, saidOnce(new URL(url).host));
  if (close) atEndOfCommand(close);
  return channel;
}

function saidOnce(host: string): (error: unknown) => void {
  let isSaid = false;
  return (error) => {
    if (!isSaid) terminal.say(`azmutex: no wake-ups from ${host} (${reasonOf(error)}): azmutex polls meanwhile`);
    isSaid = true;
  };
}

/** A code, such as ECONNREFUSED or WRONGPASS. What else an error says may have the address in it, and a password. */
function reasonOf(error: unknown): string {
  const { code, name, message } = Object(error) as Readonly<Record<string, unknown>>;
  const codes = [code, /^[A-Z]{3,}\b/.exec(String(message))?.[0], name];
  return codes.map(String).find((text) => text !== "undefined" && /^\w{1,64}$/.test(text)) ?? "Error";
}
