import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { FaultProxy } from "../shared/wire/fault-proxy.ts";

/**
 * A port that is fixed, for processes each of which has a proxy of its own. Linux's books tell whose a connection is.
 */
export class Gate implements AsyncDisposable {
  readonly #server: Server;
  readonly #proxies = new Map<number, FaultProxy>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#lead(socket));
  }

  /** Rejects if another program listens there. */
  static async open(port: number): Promise<Gate> {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    return new Gate(server);
  }

  admit(pid: number, proxy: FaultProxy): void {
    this.#proxies.set(pid, proxy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }

  #lead(socket: Socket): void {
    const inode = inodeOf(socket.remotePort ?? 0, socket.localPort ?? 0);
    const proxy = [...this.#proxies].find(([pid]) => socketsOf(pid).includes(`socket:[${inode}]`))?.[1];
    if (proxy) proxy.accept(socket);
    else socket.destroy();
  }
}

/** Of the socket at the other end of a connection within this machine. */
function inodeOf(port: number, remotePort: number): string | undefined {
  const hex = (number: number): string => number.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .find(
      (one) =>
        one.includes(`:${hex(port)} `) &&
        one
          .trim()
          .split(/\s+/)[2]
          ?.endsWith(`:${hex(remotePort)}`),
    );
  return line?.trim().split(/\s+/)[9];
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`));
  } catch {
    return [];
  }
}
