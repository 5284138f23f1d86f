type TopicListener = (message: string) => void;

/** How the topics of one connection are subscribed at the server. */
export interface TopicServer {
  subscribe(topic: string): Promise<unknown>;
  unsubscribe(topic: string): Promise<unknown>;
}

interface Topic {
  readonly listeners: Set<TopicListener>;
  /** Resolves once the server sends messages of the topic. */
  readonly subscribed: Promise<unknown>;
}

/** The listeners of one connection. The server knows a topic from its first listener until its last one has ended. */
export class TopicListeners {
  readonly #server: TopicServer;
  readonly #topics = new Map<string, Topic>();

  constructor(server: TopicServer) {
    this.#server = server;
  }

  /** The topics that the server is to send. */
  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** Resolves with a function that ends it, once messages arrive. Rejects if the server refuses. */
  async add(topic: string, listener: TopicListener): Promise<() => Promise<void>> {
    const known = this.#topics.get(topic) ?? { listeners: new Set(), subscribed: this.#server.subscribe(topic) };
    this.#topics.set(topic, known);
    // The same function may listen twice.
    const own: TopicListener = (message) => listener(message);
    known.listeners.add(own);
    try {
      await known.subscribed;
    } catch (error) {
      // The next one asks the server again.
      if (this.#topics.get(topic) === known) this.#topics.delete(topic);
      throw error;
    }
    return async () => {
      const isLast = known.listeners.delete(own) && known.listeners.size === 0;
      if (!isLast || this.#topics.get(topic) !== known) return;
      this.#topics.delete(topic);
      await this.#server.unsubscribe(topic);
    };
  }

  /** A message has come. */
  deliver(topic: string, message: string): void {
    for (const listener of this.#topics.get(topic)?.listeners ?? []) listener(message);
  }
}
