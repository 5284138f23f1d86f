import { createServer, type Server, type Socket } from "node:net";
import { LineReader } from "./local-line.ts";

/** More connections at once are refused. */
const MOST_SPEAKERS = 1_024;

/** Where this process hears the others. It keeps no process alive. */
export class LocalSocket {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  private constructor(onMessage: (topic: string, message: string) => void) {
    this.#server = createServer((connection) => this.#hear(connection, onMessage));
    this.#server.maxConnections = MOST_SPEAKERS;
  }

  /** Listens. Rejects with the system's error. */
  static async listen(path: string, onMessage: (topic: string, message: string) => void): Promise<LocalSocket> {
    const socket = new LocalSocket(onMessage);
    const server = socket.#server;
    await new Promise<void>((resolve, reject) => {
      // A cluster's worker would have its primary listen.
      server.once("error", reject).listen({ path, exclusive: true }, resolve);
    });
    server.unref().on("error", () => undefined);
    return socket;
  }

  close(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #hear(connection: Socket, onMessage: (topic: string, message: string) => void): void {
    const reader = new LineReader(onMessage);
    this.#connections.add(connection.unref().setEncoding("latin1"));
    connection
      .on("data", (text: string) => reader.read(text) || connection.destroy())
      .on("error", () => connection.destroy())
      .on("close", () => this.#connections.delete(connection));
  }
}
