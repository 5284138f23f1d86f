import type { Clock } from "../../../time/clock.ts";
import type { LocalDirectory } from "./local-directory.ts";
import { type ConnectionEnd, PeerConnection } from "./peer-connection.ts";

/** The connections that are kept. Of more than that, the one that was opened first ends. */
const MOST_PEERS = 256;
/** For how long a process that does not read is sent nothing, in milliseconds. */
const REST_MS = 5_000;

/** The other processes of the machine, as one process speaks to them. */
export class LocalPeers {
  readonly #directory: LocalDirectory;
  readonly #clock: Clock;
  readonly #onLost: (id: string) => void;
  readonly #connections = new Map<string, PeerConnection>();
  /** When those may be sent something again that did not read. */
  readonly #silentUntil = new Map<string, number>();

  /** `onLost` is called when a process is seen to be gone that others find in the directory still. */
  constructor(directory: LocalDirectory, clock: Clock, onLost: (id: string) => void) {
    this.#directory = directory;
    this.#clock = clock;
    this.#onLost = onLost;
  }

  send(id: string, line: string): void {
    const silentUntil = this.#silentUntil.get(id);
    if (silentUntil !== undefined && this.#clock.now() < silentUntil) return;
    this.#silentUntil.delete(id);
    (this.#connections.get(id) ?? this.#keep(id)).send(line);
  }

  /** Removes what is left of a process if it is dead. */
  probe(id: string): void {
    this.#connect(id, () => undefined).close();
  }

  /** Ends all connections once everything is sent. */
  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#silentUntil.clear();
  }

  #keep(id: string): PeerConnection {
    const [first] = this.#connections;
    if (first && this.#connections.size >= MOST_PEERS) {
      first[1].close();
      this.#connections.delete(first[0]);
    }
    const connection: PeerConnection = this.#connect(id, (end) => {
      if (this.#connections.get(id) === connection) this.#connections.delete(id);
      if (end === "isGone" || end === "isClosed") this.#onLost(id);
      if (end === "isClosed") this.probe(id);
    });
    this.#connections.set(id, connection);
    return connection;
  }

  #connect(id: string, onEnd: (end: ConnectionEnd) => void): PeerConnection {
    return new PeerConnection(this.#directory.socketOf(id), this.#clock, (end) => {
      onEnd(end);
      // The system refuses connections for the dead.
      if (end === "isGone") this.#directory.remove(id);
      if (end === "isStalled") this.#silentUntil.set(id, this.#clock.now() + REST_MS);
    });
  }
}
