import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { ioredisWakeUps, natsWakeUps } from "../../../../../src/waiting/wake-ups/adapters/index.ts";

const ignore = (): void => undefined;

describe("channels that were made of one connection of ioredis", () => {
  class Connection extends EventEmitter {
    readonly calls: string[] = [];

    async subscribe(channel: string): Promise<void> {
      this.calls.push(`SUBSCRIBE ${channel}`);
    }

    async unsubscribe(channel: string): Promise<void> {
      this.calls.push(`UNSUBSCRIBE ${channel}`);
    }

    async publish(): Promise<void> {}
  }

  it("share its subscriptions: what one of them ends, the other still hears", async () => {
    const connection = new Connection();
    const [first, second] = [0, 1].map(() => ioredisWakeUps({ publisher: connection, subscriber: connection }));
    const heard: string[] = [];
    const end = await first?.subscribe("a", ignore);
    await second?.subscribe("a", (message) => heard.push(message));
    await end?.();
    connection.emit("message", "azmutex:a", "released");
    connection.emit("message", "orders", "of the program itself");
    expect(heard).toEqual(["released"]);
    expect(connection.calls).toEqual(["SUBSCRIBE azmutex:a"]);
  });
});

describe("a subscription of NATS", () => {
  type Callback = (error: Error | null, message: { string(): string }) => void;

  /** A connection that does with a subscription what the test says before it answers a flush. */
  function connectionThat(flush: (subscription: { callback: Callback; isClosed: boolean }) => Promise<void>) {
    const subscription = { callback: ignore as Callback, isClosed: false, isEnded: false };
    return {
      subscription,
      publish: ignore,
      subscribe(_subject: string, { callback }: { callback: Callback }) {
        subscription.callback = callback;
        return { isClosed: () => subscription.isClosed, unsubscribe: () => (subscription.isEnded = true) };
      },
      flush: () => flush(subscription),
    };
  }

  it.each<[string, Parameters<typeof connectionThat>[0], string]>([
    [
      "the server refuses it",
      async (subscription) => {
        subscription.callback(new Error("permissions violation"), { string: () => "" });
        subscription.isClosed = true;
      },
      "permissions violation",
    ],
    [
      "it is closed without a reason",
      async (subscription) => {
        subscription.isClosed = true;
      },
      "refused",
    ],
    ["the connection is lost", () => Promise.reject(new Error("disconnected")), "disconnected"],
  ])("rejects and leaves nothing behind when %s", async (_, flush, reason) => {
    const connection = connectionThat(flush);
    await expect(async () => await natsWakeUps(connection).subscribe("a", ignore)).rejects.toThrow(reason);
    expect(connection.subscription.isEnded).toBe(true);
  });

  it("hears what comes, but for errors", async () => {
    const connection = connectionThat(async () => undefined);
    const heard: string[] = [];
    await natsWakeUps(connection).subscribe("a", (message) => void heard.push(message));
    connection.subscription.callback(null, { string: () => "released" });
    connection.subscription.callback(new Error("slow consumer"), { string: () => "" });
    expect(heard).toEqual(["released"]);
  });
});
