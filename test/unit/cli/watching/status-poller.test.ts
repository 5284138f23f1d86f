import { describe, expect, it } from "vitest";
import { pollStatus } from "../../../../src/cli/watching/status-poller.ts";
import { AccessDeniedError, StoreUnavailableError } from "../../../../src/index.ts";

/** Looks that are answered, or not, in this order; then it is interrupted. */
async function look(...answers: (string | Error)[]): Promise<string[]> {
  const told: string[] = [];
  const interruption = new AbortController();
  await pollStatus<string>({
    everyMs: 0,
    signal: interruption.signal,
    look: async () => {
      const answer = answers.shift();
      if (answers.length === 0) interruption.abort();
      if (answer instanceof Error) throw answer;
      return answer ?? "";
    },
    onSeen: (seen) => told.push(seen),
    onOutage: ({ message }) => told.push(`outage: ${message}`),
    onAnswer: () => told.push("answer"),
  });
  return told;
}

const silence = new StoreUnavailableError("no answer", "k");

describe("the poller of watch and leader", () => {
  it("goes on while no answer, and says so once", async () => {
    expect(await look("a", silence, silence, silence, "b", "c", silence, "d")).toEqual([
      "a",
      "outage: no answer",
      "answer",
      "b",
      "c",
      "outage: no answer",
      "answer",
      "d",
    ]);
  });

  it("goes on if no answer from the start", async () => {
    expect(await look(silence, "a")).toEqual(["outage: no answer", "answer", "a"]);
  });

  it("ends when access is denied", async () => {
    const denied = new AccessDeniedError("no", "k");
    await expect(look("a", denied, "b")).rejects.toBe(denied);
  });

  it("ends without an error when it is interrupted during a look", async () => {
    expect(await look("a", new Error("aborted"))).toEqual(["a"]);
  });
});
