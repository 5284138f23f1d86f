import { describe, expect, it } from "vitest";
import { TopicListeners } from "../../../../../src/waiting/wake-ups/adapters/topic-listeners.ts";

/** A server that notes what it is asked, and answers what the test says. */
function setUp(answer: (call: string) => Promise<unknown> = async () => undefined) {
  const calls: string[] = [];
  const ask = (call: string): Promise<unknown> => {
    calls.push(call);
    return answer(call);
  };
  const listeners = new TopicListeners({
    subscribe: (topic) => ask(`subscribe ${topic}`),
    unsubscribe: (topic) => ask(`unsubscribe ${topic}`),
  });
  return { calls, listeners };
}

const ignore = (): void => undefined;

describe("the listeners of one connection", () => {
  it("ask the server once for a topic, and leave it with the last of them", async () => {
    const { calls, listeners } = setUp();
    const [endFirst, endSecond] = await Promise.all([listeners.add("a", ignore), listeners.add("a", ignore)]);
    const endOther = await listeners.add("b", ignore);
    expect(calls).toEqual(["subscribe a", "subscribe b"]);
    await endFirst();
    await endFirst();
    expect(listeners.topics).toEqual(["a", "b"]);
    await endSecond();
    await endOther();
    expect(calls.slice(2)).toEqual(["unsubscribe a", "unsubscribe b"]);
    expect(listeners.topics).toEqual([]);
  });

  it("hear their topic alone, each of them, though they are the same function", async () => {
    const { listeners } = setUp();
    const heard: string[] = [];
    const listener = (message: string): void => void heard.push(message);
    await listeners.add("a", listener);
    await listeners.add("a", listener);
    listeners.deliver("a", "hello");
    listeners.deliver("b", "not for them");
    expect(heard).toEqual(["hello", "hello"]);
  });

  it("all fail where the server refuses, and the next one asks again", async () => {
    let isRefused = true;
    const { calls, listeners } = setUp(async () => {
      if (isRefused) throw new Error("no permission");
    });
    const both = [listeners.add("a", ignore), listeners.add("a", ignore)];
    for (const one of both) await expect(one).rejects.toThrow("no permission");
    expect(listeners.topics).toEqual([]);
    isRefused = false;
    await listeners.add("a", ignore);
    expect(calls).toEqual(["subscribe a", "subscribe a"]);
  });

  it("that are added while the last one ends stay subscribed", async () => {
    const { calls, listeners } = setUp();
    const end = await listeners.add("a", ignore);
    await Promise.all([end(), listeners.add("a", ignore)]);
    expect(calls).toEqual(["subscribe a", "unsubscribe a", "subscribe a"]);
    await end();
    expect(listeners.topics).toEqual(["a"]);
  });
});
