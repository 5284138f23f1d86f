import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { MessageServer } from "./server.ts";
import { type OwnChannel, WokenPair } from "./woken-pair.ts";

/** One client package on a server that runs. */
export interface ChannelUnderTest {
  readonly server: () => MessageServer;
  /** Connects as a process of its own does. */
  connect(url: string): Promise<OwnChannel>;
  /** As one who may not subscribe, or to where no server is. */
  connectRefused(url: string): Promise<OwnChannel>;
  /** How many subscriptions the server has now. */
  subscriptions(): Promise<number>;
}

/** A waiter that polls once a minute is woken within this time, or was not woken. */
const WOKEN_WITHIN_MS = 30_000;

const newTopic = (): string => randomBytes(32).toString("hex");

/** What each channel over a server has to do. */
export function describeChannel(name: string, { server, connect, connectRefused, subscriptions }: ChannelUnderTest) {
  describe(`a channel over ${name}`, () => {
    it("wakes a waiter that polls once a minute, with one request", async () => {
      await using pair = await WokenPair.of(() => connect(server().url), 60_000);
      const { holder, waiter } = pair;
      const held = await holder.mutex.locker("job").lock();
      const waiting = waiter.mutex.locker("job").lock();
      // From now on the waiter has no reason to poll before its idle poll.
      await expect.poll(() => waiter.answeredInTime).toBeGreaterThan(0);
      const polls = waiter.store.count("acquire");
      const releasedAt = performance.now();
      await held.release();
      await using lock = await waiting;
      expect(lock.isHeld).toBe(true);
      expect(waiter.store.count("acquire") - polls).toBe(1);
      expect(performance.now() - releasedAt).toBeLessThan(WOKEN_WITHIN_MS);
      expect(pair.log).toEqual([]);
    });

    it("brings each listener what is said, and leaves a topic at the server with the last one", async () => {
      const { url } = server();
      await expect.poll(() => subscriptions()).toBe(0);
      await using channel = await connect(url);
      await using other = await connect(url);
      const topic = newTopic();
      const heard: string[] = [];
      const listen = (who: string) =>
        channel.wakeUps.subscribe(topic, (message) => void heard.push(`${who} ${message}`));
      const [endFirst, endSecond] = await Promise.all([listen("first"), listen("second")]);
      await channel.wakeUps.subscribe(newTopic(), () => heard.push("another topic"));
      const message = `released ${"0a".repeat(18)}`;
      await other.wakeUps.publish(topic, message);
      await expect.poll(() => heard.toSorted()).toEqual([`first ${message}`, `second ${message}`]);
      await endFirst();
      await other.wakeUps.publish(topic, "released");
      await expect.poll(() => heard.slice(2)).toEqual(["second released"]);
      const before = await subscriptions();
      await endSecond();
      await expect.poll(() => subscriptions()).toBe(before - 1);
      // Listened to anew.
      await listen("third");
      await other.wakeUps.publish(topic, "released");
      await expect.poll(() => heard.slice(3)).toEqual(["third released"]);
    });

    it("rejects a subscription that the server refuses", async () => {
      await using channel = await connectRefused(server().url);
      await expect(async () => await channel.wakeUps.subscribe(newTopic(), () => undefined)).rejects.toThrow();
    });
  });
}
