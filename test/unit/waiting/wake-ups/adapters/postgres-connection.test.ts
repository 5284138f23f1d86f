import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../../../src/testing/index.ts";
import { PostgresConnection } from "../../../../../src/waiting/wake-ups/adapters/postgres-connection.ts";

const TOPIC = "0123456789abcdef".repeat(4);
const CHANNEL = "azmutex_0123456789abcdef0123456789abcdef0123456789abcdef012345";

/** A server to which clients connect, and which refuses what the test names. */
class Server {
  readonly clients: Client[] = [];
  connects = 0;
  refuses: (text: string) => boolean = () => false;

  async connect(): Promise<Client> {
    this.connects += 1;
    if (this.refuses("connect")) throw new Error("refused");
    const client = new Client(this);
    this.clients.push(client);
    return client;
  }

  get queries(): string[] {
    return this.clients.map(({ queries }) => queries.join(", "));
  }
}

class Client extends EventEmitter {
  readonly queries: string[] = [];
  isEnded = false;
  isUnref = false;
  #isBusy = false;
  readonly #server: Server;

  constructor(server: Server) {
    super();
    this.#server = server;
  }

  async query(text: string, values: unknown[] = []): Promise<void> {
    this.queries.push([text.split(" ")[0], ...values].join(" "));
    if (this.#isBusy) this.queries.push("while the one before has no answer");
    this.#isBusy = true;
    await Promise.resolve();
    this.#isBusy = false;
    if (this.#server.refuses(text)) throw new Error("refused");
  }

  unref(): void {
    this.isUnref = true;
  }

  async end(): Promise<void> {
    this.isEnded = true;
    this.emit("end");
  }
}

function setUp() {
  const clock = new FakeClock();
  const server = new Server();
  const connection = new PostgresConnection(() => server.connect(), { clock, random: () => 0 });
  const heard: string[] = [];
  const listen = () => connection.subscribe(TOPIC, (message) => void heard.push(message));
  const notify = (channel: string, payload?: string): void =>
    void server.clients.at(-1)?.emit("notification", { channel, payload });
  return { clock, server, connection, heard, listen, notify };
}

describe("the connection to PostgreSQL", () => {
  it("listens under a name that PostgreSQL does not cut, and hears that alone", async () => {
    const { heard, listen, notify, server } = setUp();
    await listen();
    expect(CHANNEL.length).toBeLessThan(64);
    notify(CHANNEL, "released");
    notify(CHANNEL);
    notify("another", "released");
    expect(heard).toEqual(["released", ""]);
    expect(server.clients[0]?.isUnref).toBe(true);
  });

  it("is one for both directions, and is closed when neither a listener nor a message is left", async () => {
    const { clock, connection, listen, server } = setUp();
    const [end] = await Promise.all([
      listen(),
      connection.publish(TOPIC, "taken a"),
      connection.publish(TOPIC, "released"),
    ]);
    expect(server.queries).toEqual([`LISTEN, SELECT ${CHANNEL} taken a, SELECT ${CHANNEL} released`]);
    expect(server.clients[0]?.isEnded).toBe(false);
    await end();
    await clock.settle();
    expect(server.queries[0]).toMatch(/, UNLISTEN$/);
    expect(server.clients[0]?.isEnded).toBe(true);
    await connection.publish(TOPIC, "left a");
    await clock.settle();
    expect(server.connects).toBe(2);
    expect(server.clients[1]?.isEnded).toBe(true);
  });

  it.each(["error", "end"])(
    "that is lost by %s is made again soon, and listens to what it listened to",
    async (how) => {
      const { clock, heard, listen, notify, server } = setUp();
      await listen();
      await connectionLost(server, how);
      expect(server.connects).toBe(1);
      await clock.advance(200);
      expect(server.queries).toEqual(["LISTEN", "LISTEN"]);
      notify(CHANNEL, "released");
      expect(heard).toEqual(["released"]);
      expect(server.clients[0]?.isEnded).toBe(how === "error");
      // What the connection of before still says counts no more.
      server.clients[0]?.emit("end");
      await clock.advance(60_000);
      expect(server.connects).toBe(2);
    },
  );

  it("is tried for in pauses of up to 5 s while there is no server, whatever is asked meanwhile", async () => {
    const { clock, connection, heard, listen, notify, server } = setUp();
    await listen();
    server.refuses = () => true;
    await connectionLost(server, "end");
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000);
      for (let times = 0; times < 10; times += 1) await connection.publish(TOPIC, "released").catch(() => undefined);
    }
    // 200 ms, 400 ms … 5 s, and each failed once more at the most when a message came before its timer.
    expect(server.connects).toBeGreaterThan(10);
    expect(server.connects).toBeLessThan(25);
    server.refuses = () => false;
    await clock.advance(5_000);
    notify(CHANNEL, "released");
    expect(heard).toEqual(["released"]);
  });

  it("rejects a subscription and a message that do not reach the server, and asks for none of them later", async () => {
    const { clock, connection, listen, server } = setUp();
    server.refuses = (text) => text === "connect";
    await expect(listen()).rejects.toThrow("refused");
    await expect(connection.publish(TOPIC, "released")).rejects.toThrow("there is no connection to PostgreSQL");
    await clock.advance(60_000);
    expect(server.connects).toBe(1);
    server.refuses = () => false;
    const end = await listen();
    expect(server.connects).toBe(2);
    await end();
    expect(clock.pendingTimers()).toBe(0);
  });

  it("is given up and made again where it can be made, but not listened on", async () => {
    const { clock, listen, server } = setUp();
    await listen();
    server.refuses = (text) => text.startsWith("LISTEN");
    await connectionLost(server, "end");
    await clock.advance(200);
    expect(server.clients[1]?.isEnded).toBe(true);
    server.refuses = () => false;
    await clock.advance(400);
    expect(server.queries).toEqual(["LISTEN", "LISTEN", "LISTEN"]);
    expect(server.clients[2]?.isEnded).toBe(false);
  });

  it("is not made for the end of a listener", async () => {
    const { listen, server } = setUp();
    const end = await listen();
    server.refuses = () => true;
    await connectionLost(server, "end");
    await end();
    expect(server.connects).toBe(1);
  });
});

async function connectionLost({ clients }: Server, how: string): Promise<void> {
  clients.at(-1)?.emit(how, new Error("terminated"));
  await Promise.resolve();
}
