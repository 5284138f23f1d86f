import { describe, expect, it } from "vitest";
import { keepLooking } from "../../../src/cli/watching/lookout.ts";
import { AccessDeniedError, StoreUnavailableError } from "../../../src/index.ts";

/** Looks that are answered, or not, in this order; then it is interrupted. */
async function look(...answers: (string | Error)[]): Promise<string[]> {
  const told: string[] = [];
  const interruption = new AbortController();
  await keepLooking<string>({
    everyMs: 0,
    signal: interruption.signal,
    look: async () => {
      const answer = answers.shift();
      if (answers.length === 0) interruption.abort();
      if (answer instanceof Error) throw answer;
      return answer ?? "";
    },
    onSeen: (seen) => told.push(seen),
    onSilence: ({ message }) => told.push(`silence: ${message}`),
    onAnswer: () => told.push("answer"),
  });
  return told;
}

const silence = new StoreUnavailableError("nobody answers", "k");

describe("a lookout", () => {
  it("goes on while nobody answers, and says so once", async () => {
    expect(await look("a", silence, silence, silence, "b", "c", silence, "d")).toEqual([
      "a",
      "silence: nobody answers",
      "answer",
      "b",
      "c",
      "silence: nobody answers",
      "answer",
      "d",
    ]);
  });

  it("goes on if nobody answers from the start", async () => {
    expect(await look(silence, "a")).toEqual(["silence: nobody answers", "answer", "a"]);
  });

  it("ends when access is denied", async () => {
    const denied = new AccessDeniedError("no", "k");
    await expect(look("a", denied, "b")).rejects.toBe(denied);
  });

  it("ends without an error when it is interrupted during a look", async () => {
    expect(await look("a", new Error("aborted"))).toEqual(["a"]);
  });
});
