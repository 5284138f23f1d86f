import { spawn, spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../shared/free-port.ts";
import { type Storage, storageOf } from "../shared/storage/storage.ts";

/** A folder in memory, where there is one: the other servers keep nothing on a disk either. */
const FOLDERS = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** etcd with one member. */
export const ETCD = {
  missing: () => (etcdVersion() === undefined ? "etcd is not installed" : undefined),
  async start(): Promise<Storage> {
    const folder = await mkdtemp(join(FOLDERS, "azmutex-etcd-"));
    const forget = (): void => rmSync(folder, { recursive: true, force: true });
    process.on("exit", forget);
    const port = await freePort();
    const child = spawn("etcd", ["--data-dir", folder, ...listening(port, await freePort())], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    for await (const line of createInterface(child.stderr)) if (/ready to serve client requests/.test(line)) break;
    child.stderr.resume();
    const storage = storageOf(child, port);
    return {
      ...storage,
      async [Symbol.asyncDispose]() {
        await storage.kill();
        process.off("exit", forget);
        forget();
      },
    };
  },
  addressAt: String,
};

/** Its version, or undefined where it is not installed. */
export function etcdVersion(): string | undefined {
  const { stdout } = spawnSync("etcd", ["--version"], { encoding: "utf8" });
  return /etcd Version: (\S+)/.exec(stdout ?? "")?.[1];
}

function listening(port: number, peerPort: number): readonly string[] {
  const clients = `http://127.0.0.1:${port}`;
  const members = `http://127.0.0.1:${peerPort}`;
  const clientUrls = ["--listen-client-urls", clients, "--advertise-client-urls", clients];
  const memberUrls = ["--listen-peer-urls", members, "--initial-advertise-peer-urls", members];
  return [...clientUrls, ...memberUrls, "--initial-cluster", `default=${members}`];
}
