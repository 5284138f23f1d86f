import type { ChildProcess } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../../lab/shared/free-port.ts";
import { ended, FOLDERS, type MessageServer, PASSWORD, programOf, started } from "./server.ts";

/** The user `quiet` may neither publish nor subscribe. */
const configuration = (port: number, monitorPort: number): string => `
  host: 127.0.0.1
  port: ${port}
  http: 127.0.0.1:${monitorPort}
  authorization {
    users = [
      { user: azmutex, password: ${PASSWORD} }
      { user: quiet, password: ${PASSWORD}, permissions: { publish: { deny: ">" }, subscribe: { deny: ">" } } }
    ]
  }
`;

const isOurs = (subject: string): boolean => subject.startsWith("azmutex.");

interface NatsServer extends MessageServer {
  /** How many subscriptions it has now. */
  subscriptions(): Promise<number>;
}

export async function startNats(): Promise<NatsServer> {
  const program = await programOf("nats-server");
  const [port, monitorPort] = [await freePort(), await freePort()];
  const file = join(FOLDERS, `azmutex-nats-${port}.conf`);
  await writeFile(file, configuration(port, monitorPort));
  let child: ChildProcess | undefined;
  const server: NatsServer = {
    url: `nats://azmutex:${PASSWORD}@127.0.0.1:${port}`,
    async start() {
      child = await started(program, ["--config", file], /Server is ready/);
    },
    kill: () => ended(child, "SIGKILL"),
    async subscriptions() {
      const answer = await fetch(`http://127.0.0.1:${monitorPort}/connz?subs=1`);
      const { connections } = (await answer.json()) as { connections: { subscriptions_list?: string[] }[] };
      return connections.flatMap(({ subscriptions_list: subjects = [] }) => subjects).filter(isOurs).length;
    },
    async [Symbol.asyncDispose]() {
      await ended(child, "SIGKILL");
      await rm(file);
    },
  };
  await server.start();
  return server;
}
