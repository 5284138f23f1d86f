import type { Sources } from "../../../time/clock.ts";
import { inRootContext } from "../../../time/root-context.ts";
import { TopicListeners } from "./topic-listeners.ts";

/** What {@link postgresWakeUps} needs of `Client` of the package `pg`. */
export interface PostgresClient {
  /** Resolves once the server has answered. */
  query(text: string, values?: unknown[]): Promise<unknown>;
  /** Calls the listener with what others notify. */
  on(
    event: "notification",
    listener: (notification: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  /** Calls the listener when the connection is lost. */
  on(event: "error" | "end", listener: () => void): unknown;
  /** Closes the connection. */
  end(): Promise<void>;
  /** Lets the process end though the connection is open. */
  unref?(): void;
}

/** The pause after the first connection that failed or was lost, in milliseconds. Each further one is twice as long. */
const FIRST_BREAK_MS = 200;
const LONGEST_BREAK_MS = 5_000;

/** A name of PostgreSQL has up to 63 bytes. */
const channelOf = (topic: string): string => `azmutex_${topic.slice(0, 54)}`;
const asIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const ignore = (): void => undefined;

/** One connection to PostgreSQL, while there is a topic or a message. It is made again when it is lost. */
export class PostgresConnection {
  readonly #connect: () => Promise<PostgresClient>;
  readonly #sources: Pick<Sources, "clock" | "random">;
  readonly #listeners: TopicListeners;
  #client: Promise<PostgresClient> | undefined;
  /** Queries without an answer. */
  #unanswered = 0;
  /** Resolves when the last of them has its answer. */
  #answered: Promise<void> = Promise.resolve();
  /** Connections that failed since the last one that did not. */
  #failures = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(connect: () => Promise<PostgresClient>, sources: Pick<Sources, "clock" | "random">) {
    this.#connect = connect;
    this.#sources = sources;
    this.#listeners = new TopicListeners({
      subscribe: (channel) => this.#query(`LISTEN ${asIdentifier(channel)}`),
      unsubscribe: async (channel) => {
        if (this.#client !== undefined) await this.#query(`UNLISTEN ${asIdentifier(channel)}`);
      },
    });
  }

  publish(topic: string, message: string): Promise<void> {
    return this.#query("SELECT pg_notify($1, $2)", [channelOf(topic), message]);
  }

  subscribe(topic: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    return this.#listeners.add(channelOf(topic), listener);
  }

  async #query(text: string, values?: unknown[]): Promise<void> {
    this.#unanswered += 1;
    const connected = this.#connected();
    connected.catch(ignore);
    // `pg` takes one query at a time.
    const answer = this.#answered.then(async () => {
      const client = await connected;
      await client.query(text, values);
    });
    this.#answered = answer.catch(ignore);
    try {
      await answer;
    } finally {
      this.#unanswered -= 1;
      this.#endIfUnused();
    }
  }

  /** The present connection, or a new one. Rejects during the pause after one that failed. */
  async #connected(): Promise<PostgresClient> {
    if (this.#client !== undefined) return this.#client;
    if (this.#sources.clock.now() < this.#pausedUntil) throw new Error("there is no connection to PostgreSQL");
    const lost = (): void => {
      if (this.#client !== client) return;
      this.#client = undefined;
      this.#connectLater();
    };
    const client = this.#open(lost);
    this.#client = client;
    client.catch(lost);
    return client;
  }

  async #open(lost: () => void): Promise<PostgresClient> {
    // What the connection before it listened to.
    const channels = this.#listeners.topics;
    const client = await this.#connect();
    client.unref?.();
    client.on("notification", ({ channel, payload = "" }) => this.#listeners.deliver(channel, payload));
    client.on("end", lost);
    client.on("error", () => {
      lost();
      client.end().catch(ignore);
    });
    try {
      for (const channel of channels) await client.query(`LISTEN ${asIdentifier(channel)}`);
    } catch (error) {
      client.end().catch(ignore);
      throw error;
    }
    this.#failures = 0;
    return client;
  }

  #connectLater(): void {
    const { clock, random } = this.#sources;
    const pauseMs = Math.min(LONGEST_BREAK_MS, FIRST_BREAK_MS * 2 ** this.#failures) * (1 - random() / 2);
    this.#failures += 1;
    this.#pausedUntil = clock.now() + pauseMs;
    inRootContext(() =>
      clock.setTimer(pauseMs, () => {
        if (this.#listeners.topics.length > 0) this.#connected().catch(ignore);
      }),
    );
  }

  #endIfUnused(): void {
    if (this.#unanswered > 0 || this.#listeners.topics.length > 0) return;
    const client = this.#client;
    this.#client = undefined;
    client?.then((connected) => connected.end()).catch(ignore);
  }
}
