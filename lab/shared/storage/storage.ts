import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { AzureMutex } from "azmutex";
import { emulatorConnectionString } from "../../../src/store/azure/connection-string.ts";
import { EMULATOR } from "../../../src/store/azure/endpoint.ts";
import { type Certificate, loopbackCertificate } from "../certificate.ts";
import { firstMessage, kill } from "../child-process.ts";
import { freePort } from "../free-port.ts";
import { HTTP } from "../wire/http.ts";
import type { Protocol } from "../wire/protocol.ts";
import { commandBytes, RESP } from "../wire/resp.ts";
import { AZURITE_SWITCHES, portSaid } from "./azurite-command.ts";

/** A server of this machine, with everything in memory. */
export interface Storage extends AsyncDisposable {
  readonly port: number;
  /** At once, and with everything it had. */
  kill(): Promise<void>;
}

export interface StorageRoom {
  readonly protocol: Protocol;
  /** Its own, where it speaks TLS. */
  certificate?(): Certificate;
  /** Why there is none on this machine, if so. */
  missing(): string | undefined;
  start(): Promise<Storage>;
  /** What a process needs to reach it by way of this port. */
  addressAt(port: number): string;
  /** What an operator does about a lock whose holder is to stop, where there is something. */
  breakGently?(port: number, key: string): Promise<void>;
  /** What an operator does so that the lock is free now. */
  breakAtOnce(port: number, key: string): Promise<void>;
}

/** Where adapters lock. */
export const CONTAINER = "locks";

const breaking =
  (periodSeconds?: number) =>
  async (port: number, key: string): Promise<void> => {
    const mutex = new AzureMutex({ connectionString: emulatorConnectionString(port), containerName: CONTAINER });
    await mutex.break(key, periodSeconds === undefined ? {} : { periodSeconds });
  };

export const BLOBS: StorageRoom = {
  protocol: HTTP,
  missing: () => undefined,
  async start() {
    const child = fork(fileURLToPath(new URL("azurite-main.js", import.meta.url)), {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    return storageOf(child, await firstMessage<number>(child, "Azurite"));
  },
  addressAt: emulatorConnectionString,
  breakGently: breaking(),
  breakAtOnce: breaking(0),
};

const require = createRequire(import.meta.url);

/** A module for a program that knows nothing of the process that started it. */
const ENDS_WITH_PARENT = "data:text/javascript,process.on('disconnect', () => process.exit())";

/** Blobs by https, for which Entra tokens are good as well as the account's key. */
export const BLOBS_WITH_TOKENS: StorageRoom = {
  protocol: HTTP,
  certificate: loopbackCertificate,
  missing: () => undefined,
  async start() {
    const { keyFile, certificateFile } = loopbackCertificate();
    const how = ["--inMemoryPersistence", "--cert", certificateFile, "--key", keyFile, "--oauth", "basic"];
    const child = fork(require.resolve("azurite/dist/src/blob/main.js"), [...AZURITE_SWITCHES, ...how], {
      execArgv: ["--no-deprecation", "--import", ENDS_WITH_PARENT],
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    return storageOf(child, await portSaid(child));
  },
  addressAt: (port) => EMULATOR.endpoint.replace("http:", "https:").replace(":10000", `:${port}`),
  async breakAtOnce() {
    throw new Error("no row breaks a lock here");
  },
};

export const REDIS: StorageRoom = {
  protocol: RESP,
  missing: () => (redisVersion() === undefined ? "redis-server is not installed" : undefined),
  async start() {
    const port = await freePort();
    const child = spawn(
      "redis-server",
      ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    for await (const line of child.stdout.setEncoding("utf8"))
      if (String(line).includes("Ready to accept connections")) break;
    child.stdout.resume();
    return storageOf(child, port);
  },
  addressAt: String,
  async breakAtOnce(port, key) {
    const socket = connect(port, "127.0.0.1");
    socket.end(commandBytes(["DEL", key, `mutex:${key}`]));
    socket.resume();
    await once(socket, "close");
  },
};

/** Its version, or undefined where it is not installed. */
export function redisVersion(): string | undefined {
  const { stdout } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return /v=(\S+)/.exec(stdout ?? "")?.[1];
}

const servers = new Set<ChildProcess>();
process.on("exit", () => {
  for (const server of servers) server.kill("SIGKILL");
});

/** A server that is a child process, and ends with this one. */
export function storageOf(child: ChildProcess, port: number): Storage {
  servers.add(child);
  const end = async (): Promise<void> => {
    await kill(child);
    servers.delete(child);
  };
  return { port, kill: end, [Symbol.asyncDispose]: end };
}
