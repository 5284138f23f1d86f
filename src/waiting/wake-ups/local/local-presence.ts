import type { LocalDirectory } from "./local-directory.ts";
import { LocalSocket } from "./local-socket.ts";

/** What leaves its directory as this process ends. */
const present = new Set<LocalPresence>();
const leaveAll = (): void => {
  for (const presence of present) presence.leave();
};

/** This process in a directory, where others find it, until it leaves. */
export class LocalPresence {
  readonly id: string;
  readonly #directory: LocalDirectory;
  #socket: LocalSocket | undefined;

  private constructor(directory: LocalDirectory, id: string) {
    this.#directory = directory;
    this.id = id;
  }

  /** Under an id that no process has had. Rejects with the system's error. */
  static async enter(
    directory: LocalDirectory,
    newId: () => string,
    onMessage: (topic: string, message: string) => void,
  ): Promise<LocalPresence> {
    const id = `${process.pid}-${newId().replaceAll("-", "").slice(0, 16)}`;
    const presence = new LocalPresence(directory, id);
    const socket = directory.socketOf(id);
    directory.enter(id);
    if (present.size === 0) process.on("exit", leaveAll);
    present.add(presence);
    try {
      presence.#socket = await LocalSocket.listen(socket, onMessage);
      return presence;
    } catch (error) {
      presence.leave();
      throw error;
    }
  }

  /** Others find it by this topic. Throws the system's error. */
  add(topic: string): void {
    this.#directory.add(this.id, topic);
  }

  end(topic: string): void {
    this.#directory.end(this.id, topic);
  }

  /** Whether others find it by this topic, as far as the directory says. */
  isFoundBy(topic: string): boolean {
    return this.#directory.isFoundBy(this.id, topic);
  }

  leave(): void {
    // First: a process that is found there although its connections end is taken for dead.
    this.#directory.remove(this.id);
    this.#socket?.close();
    if (present.delete(this) && present.size === 0) process.off("exit", leaveAll);
  }
}
