import { afterAll, describe, expect, it } from "vitest";
import { startEmulator } from "../../../src/testing/emulator.ts";
import { run } from "../../support/script.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());

describe("two processes of 50 tasks each on one key", () => {
  it("get at least 40 % of the holds each, over a minute", async () => {
    const scripts = [0, 1].map(() =>
      run(
        emulator.connectionString,
        `
        const locker = mutex.locker("shared");
        await locker.run(() => undefined);
        console.log("ready");
        const end = performance.now() + 60_000;
        let holds = 0;
        const task = async () => {
          while (performance.now() < end) {
            await locker.run(() => new Promise((resolve) => setTimeout(resolve, 2)));
            holds += 1;
          }
        };
        await Promise.all(Array.from({ length: 50 }, task));
        console.log("holds", holds);
        `,
      ),
    );
    await Promise.all(scripts.map((script) => script.ended));
    const holds = scripts.map((script) => Number(/holds (\d+)/.exec(script.output())?.[1]));
    const total = (holds[0] as number) + (holds[1] as number);
    console.info(`holds in a minute: ${holds.join(" and ")}`);
    // Of two that had but a few, the shares would say nothing.
    expect(total).toBeGreaterThan(500);
    expect(Math.min(...holds) / total).toBeGreaterThanOrEqual(0.4);
  });
});
