import { type ChildProcess, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../../lab/shared/free-port.ts";
import { ended, FOLDERS, type MessageServer, PASSWORD, programOf, started } from "./server.ts";

/** It refuses to run as root: there is a user for it. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (what: string): number => Number(spawnSync("id", [what, "postgres"], { encoding: "utf8" }).stdout);
  return { uid: idOf("-u"), gid: idOf("-g") };
}

export async function startPostgres(): Promise<MessageServer> {
  const [initdb, postgres] = [await programOf("initdb"), await programOf("postgres")];
  const folder = mkdtempSync(join(FOLDERS, "azmutex-postgres-"));
  const user = owner();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const options = { cwd: folder, ...user };
  const made = spawnSync(initdb, ["-D", folder, "-U", "azmutex", "-A", "trust", "--no-sync", "--no-locale"], {
    ...options,
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  let child: ChildProcess | undefined;
  // Immediately: its processes for connections end, too.
  const kill = (): Promise<void> => ended(child, "SIGQUIT");
  const server: MessageServer = {
    url: `postgres://azmutex:${PASSWORD}@127.0.0.1:${port}/postgres`,
    async start() {
      const args = ["-D", folder, "-p", `${port}`, "-h", "127.0.0.1", "-k", folder, "-F"];
      child = await started(postgres, args, /ready to accept connections/, options);
    },
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}
