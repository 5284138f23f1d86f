import { describe, expect, it } from "vitest";
import { CONTEXT_USES, contextShare } from "../../../lab/bench/async-context.ts";

const ROUNDS = 60;

describe("a mutex that knows its runs", () => {
  it.each(CONTEXT_USES)("takes for $name little more of a processor, all in memory", async (use) => {
    const share = await contextShare(use, ROUNDS);
    console.log(`async context adds ${(share * 100).toFixed(1)} % to ${use.name} in memory`);
    expect(share).toBeLessThan(use.limit);
  });
});
