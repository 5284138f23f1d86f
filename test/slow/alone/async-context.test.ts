import { describe, expect, it } from "vitest";
import { CONTEXT_USES, contextShare } from "../../../lab/bench/async-context.ts";

const ROUNDS = 600;
/** Beyond what the runtime takes to enter an async context. */
const OWN_LIMIT = 0.03;

describe("a mutex that knows its runs", () => {
  it.each(CONTEXT_USES)("takes for $name little more of a processor, all in memory", async (use) => {
    const { added, ofRuntime } = await contextShare(use, ROUNDS);
    const shown = [added, ofRuntime].map((share) => `${(share * 100).toFixed(1)} %`);
    console.log(`async context adds ${shown[0]} to ${use.name} in memory, an AsyncLocalStorage alone ${shown[1]}`);
    expect(added).toBeLessThan(use.limit);
    expect(added - ofRuntime).toBeLessThan(OWN_LIMIT);
  });
});
