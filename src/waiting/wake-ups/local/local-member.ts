import { type Sources, systemSources, type Timer } from "../../../time/clock.ts";
import { messageText } from "../message.ts";
import { LocalDirectory } from "./local-directory.ts";
import { checkTopic, messageLine } from "./local-line.ts";
import { LocalPeers } from "./local-peers.ts";
import { LocalPresence } from "./local-presence.ts";

/** How often a process looks whether others still find it, in milliseconds: its directory may be removed. */
const CHECK_PRESENCE_MS = 2_000;
/** At how many that seem dead a process looks when it comes. */
const MOST_PROBED = 64;

type MessageListener = (message: string) => void;

/** This process among those that meet in a directory. Others find it there while it listens to anything. */
export class LocalMember {
  readonly #directory: LocalDirectory;
  readonly #sources: Omit<Sources, "random">;
  readonly #peers: LocalPeers;
  readonly #topics = new Map<string, Set<MessageListener>>();
  #presence: Promise<LocalPresence> | undefined;
  /** Undefined until others find this process. */
  #ownId: string | undefined;
  #look: Timer | undefined;
  #looks = 0;

  constructor(directory: LocalDirectory, sources: Omit<Sources, "random"> = systemSources) {
    this.#directory = directory;
    this.#sources = sources;
    this.#peers = new LocalPeers(directory, sources.clock, (id) => this.#lost(id));
  }

  /** Default: the directory of this user on this machine. */
  static in(directory: string | undefined): LocalMember {
    return new LocalMember(new LocalDirectory(directory));
  }

  /** Sends a message to all that listen now. Throws `TypeError` for another form, and `LocalDirectoryError`. */
  publish(topic: string, message: string): void {
    const line = messageLine(topic, message);
    this.#hear(topic, message);
    for (const id of this.#directory.ids())
      if (id !== this.#ownId && this.#directory.isListening(id, topic)) this.#peers.send(id, line);
  }

  /** Resolves once messages arrive. Rejects with `LocalDirectoryError` or the system's error. */
  async subscribe(topic: string, listener: MessageListener): Promise<() => void> {
    checkTopic(topic);
    const own: MessageListener = (message) => listener(message);
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners.add(own));
    try {
      await this.#add(topic);
    } catch (error) {
      this.#unsubscribe(topic, own);
      throw error;
    }
    return () => this.#unsubscribe(topic, own);
  }

  /** Ends the connections to others once everything is sent. What is subscribed stays so. */
  close(): void {
    this.#peers.close();
  }

  #unsubscribe(topic: string, listener: MessageListener): void {
    const listeners = this.#topics.get(topic);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#topics.delete(topic);
    if (this.#topics.size === 0) this.#leave();
    else this.#presence?.then((presence) => presence.end(topic)).catch(() => undefined);
  }

  /** What a dead process held may be free soon. Its holder would have said so. */
  #lost(id: string): void {
    for (const topic of this.#topics.keys())
      if (this.#directory.isListening(id, topic)) this.#hear(topic, messageText({ word: "released", ids: [] }));
  }

  #hear(topic: string, message: string): void {
    for (const listener of [...(this.#topics.get(topic) ?? [])]) listener(message);
  }

  async #add(topic: string): Promise<void> {
    const presence = await this.#enter();
    try {
      presence.add(topic);
    } catch {
      // The directory was removed.
      this.#leave();
      await this.#enter();
    }
  }

  #enter(): Promise<LocalPresence> {
    this.#lookAgain();
    this.#presence ??= this.#enterAnew();
    return this.#presence;
  }

  async #enterAnew(): Promise<LocalPresence> {
    const hear = (topic: string, message: string): void => this.#hear(topic, message);
    const presence = await LocalPresence.enter(this.#directory, this.#sources.newId, hear);
    for (const topic of this.#topics.keys()) presence.add(topic);
    this.#ownId = presence.id;
    const seemDead = this.#directory.ids().filter((id) => !isAlive(Number.parseInt(id, 10)));
    for (const id of seemDead.slice(0, MOST_PROBED)) this.#peers.probe(id);
    return presence;
  }

  #leave(): void {
    this.#look?.cancel();
    this.#look = undefined;
    this.#ownId = undefined;
    this.#presence?.then((presence) => presence.leave()).catch(() => undefined);
    this.#presence = undefined;
  }

  #lookAgain(): void {
    this.#look ??= this.#sources.clock.setTimer(CHECK_PRESENCE_MS, () => {
      this.#look = undefined;
      void this.#isFound().then((isFound) => {
        if (this.#topics.size === 0) return;
        if (!isFound) this.#leave();
        this.#lookAgain();
        this.#enter().catch(() => undefined);
      });
    });
  }

  /** One topic after the other. */
  async #isFound(): Promise<boolean> {
    const topics = [...this.#topics.keys()];
    this.#looks += 1;
    const topic = topics[this.#looks % topics.length];
    return (await this.#presence?.catch(() => undefined))?.isFoundBy(topic ?? "") ?? false;
  }
}

/** Whether a process of this number lives here. Those in other containers may live though it does not seem so. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
