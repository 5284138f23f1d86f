import { closeSync, constants, fstatSync, openSync, renameSync, unlinkSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** The file of a socket. */
export interface SocketFile {
  readonly name: string;
  /** Tells it from a copy, at which no process listens. */
  readonly inode: string;
}

/** What the file of a socket says of the process that listens: it does, it does no more, or it cannot be told. */
export type LifeSign = "listens" | "isDead" | "unknown";

/**
 * A socket at which this process listens until its end, however it ends. The kernel refuses connections to it then, in
 * every container of the machine that sees the file.
 */
export class LifeSocket {
  readonly file: SocketFile;
  readonly #path: string;
  readonly #server: Server;
  /** Of the open socket, which is another than that of its file. */
  readonly #inode: bigint | undefined;

  private constructor(server: Server, path: string, file: SocketFile) {
    this.#server = server;
    this.#path = path;
    this.file = file;
    this.#inode = openInode(server);
  }

  /** Listens. Keeps no process alive. */
  static async listen(directory: string, name: string): Promise<LifeSocket> {
    const server = createServer((connection) => connection.destroy());
    const first = `${name}.new`;
    await inDirectory(directory, async (short) => {
      await new Promise<void>((resolve, reject) => {
        // A cluster's worker would have its primary listen.
        server.once("error", reject).listen({ path: join(short, first), exclusive: true }, resolve);
      });
    });
    const path = join(directory, name);
    // Node deletes the file by its first name when it closes the socket: the file tells more if it stays.
    renameSync(join(directory, first), path);
    const inode = String((await lstat(path, { bigint: true })).ino);
    return new LifeSocket(
      server.unref().on("error", () => undefined),
      path,
      { name, inode },
    );
  }

  /** Whether this process still listens. Other code may have closed the socket, or its file descriptor. */
  get isOpen(): boolean {
    return this.#server.listening && openInode(this.#server) === this.#inode;
  }

  close(): void {
    try {
      unlinkSync(this.#path);
    } catch {
      // It is gone already.
    }
    // Its file descriptor may be another file's by now.
    if (this.isOpen) this.#server.close();
  }
}

/** Whether a process listens at the socket. Only a refusal says that it is dead. */
export async function lifeSign(directory: string, { name, inode }: SocketFile): Promise<LifeSign> {
  try {
    const found = await lstat(join(directory, name), { bigint: true });
    if (!found.isSocket() || String(found.ino) !== inode || Number(found.uid) !== process.geteuid?.()) return "unknown";
    return await inDirectory(directory, (short) => signAt(join(short, name)));
  } catch {
    return "unknown";
  }
}

function signAt(path: string): Promise<LifeSign> {
  return new Promise((resolve) => {
    const connection = connect(path);
    const settle = (sign: LifeSign): void => {
      connection.destroy();
      resolve(sign);
    };
    connection.on("connect", () => settle("listens"));
    connection.on("error", ({ code }: NodeJS.ErrnoException) => settle(code === "ECONNREFUSED" ? "isDead" : "unknown"));
  });
}

/** A path of the directory that is short: that of a socket has 107 bytes at most. */
async function inDirectory<T>(directory: string, use: (path: string) => Promise<T>): Promise<T> {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await use(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

function openInode(server: Server): bigint | undefined {
  const { fd } = Object((server as Server & { readonly _handle?: unknown })._handle) as { readonly fd?: number };
  if (fd === undefined) return undefined;
  try {
    const open = fstatSync(fd, { bigint: true });
    return open.isSocket() ? open.ino : undefined;
  } catch {
    return undefined;
  }
}
