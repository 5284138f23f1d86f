import type { ChildProcess } from "node:child_process";
import { freePort } from "../../../lab/shared/free-port.ts";
import { ended, type MessageServer, PASSWORD, programOf, started } from "./server.ts";

export async function startRedis(): Promise<MessageServer> {
  const program = await programOf("redis-server");
  const port = await freePort();
  let child: ChildProcess | undefined;
  const server: MessageServer = {
    url: `redis://:${PASSWORD}@127.0.0.1:${port}`,
    async start() {
      const inMemory = ["--save", "", "--appendonly", "no"];
      const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--requirepass", PASSWORD, ...inMemory];
      child = await started(program, args, /Ready to accept connections/);
    },
    kill: () => ended(child, "SIGKILL"),
    [Symbol.asyncDispose]: () => ended(child, "SIGKILL"),
  };
  await server.start();
  return server;
}
