import { describe, expect, it } from "vitest";
import { LineReader, messageLine } from "../../../../../src/waiting/wake-ups/local/local-line.ts";

const TOPIC = "0f".repeat(32);
const LONGEST = "~".repeat(200);

/** What is read of these pieces, and whether there is a way on after each. */
function read(...pieces: readonly string[]): { messages: string[]; isGoing: boolean[] } {
  const messages: string[] = [];
  const reader = new LineReader((topic, message) => messages.push(`${topic} ${message}`));
  return { messages, isGoing: pieces.map((piece) => reader.read(piece)) };
}

describe("the lines of local wake-ups", () => {
  it.each(["released", "held a.1 b.2", LONGEST])(
    "bring a message as it was sent, in one piece or many: %s",
    (message) => {
      const line = messageLine(TOPIC, message);
      expect(read(line)).toEqual({ messages: [`${TOPIC} ${message}`], isGoing: [true] });
      expect(read(...line).messages).toEqual([`${TOPIC} ${message}`]);
      expect(read(`${line}${line}${line.slice(0, 70)}`, line.slice(70)).messages).toHaveLength(3);
    },
  );

  it.each([
    ["a topic that is too short", TOPIC.slice(1), "released"],
    ["a topic of other characters", TOPIC.toUpperCase(), "released"],
    ["a path", `../${TOPIC.slice(3)}`, "released"],
    ["no message", TOPIC, ""],
    ["a message that is too long", TOPIC, `${LONGEST}~`],
    ["a message of two lines", TOPIC, "a\rb"],
    ["characters that are not printable", TOPIC, "a\u0007"],
    ["characters of other alphabets", TOPIC, "é"],
  ])("are refused with %s, and left out where they arrive", (_, topic, message) => {
    expect(() => messageLine(topic, message)).toThrow(TypeError);
    const good = messageLine(TOPIC, "left x");
    expect(read(`${topic} ${message}\n`, good).messages.at(-1)).toBe(good.trimEnd());
    expect(read(`${topic} ${message}\n`).messages).toEqual([]);
  });

  it("end with one that is too long, whether its end has come or not", () => {
    const tooLong = `${TOPIC} ${LONGEST}~`;
    expect(read(`${tooLong}\n`).isGoing).toEqual([false]);
    expect(read(tooLong.slice(0, 100), tooLong.slice(100)).isGoing).toEqual([true, false]);
  });
});
