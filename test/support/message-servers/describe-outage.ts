import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { type MessageServer, PASSWORD } from "./server.ts";
import { type OwnChannel, WokenPair } from "./woken-pair.ts";

/** Two processes take the lock in turn. Returns how many of them had it at once. */
async function takeTurns(mutexes: readonly AzureMutex[], turns: number): Promise<number> {
  let holders = 0;
  let most = 0;
  const live = async (mutex: AzureMutex): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1)
      await mutex.locker("job").run(async () => {
        holders += 1;
        most = Math.max(most, holders);
        await new Promise((resolve) => setTimeout(resolve, 20));
        holders -= 1;
      });
  };
  await Promise.all(mutexes.map(live));
  return most;
}

/** What becomes of locks whose server of messages is killed, and started again. */
export function describeOutage(
  name: string,
  start: () => Promise<MessageServer>,
  connect: (url: string) => Promise<OwnChannel>,
): void {
  describe(`locks whose messages go over ${name}`, () => {
    it("are polled for while the server is gone, and are told of again when it is back", async () => {
      await using server = await start();
      await using pair = await WokenPair.of(() => connect(server.url), 1_000);
      const { holder, waiter, log } = pair;
      const held = await holder.mutex.locker("job").lock();
      const waiting = waiter.mutex.locker("job").lock();
      const answers = (): number => waiter.heard.filter((message) => message.startsWith("held ")).length;
      await expect.poll(answers).toBeGreaterThan(0);

      await server.kill();
      const polls = waiter.store.count("acquire");
      await expect.poll(() => waiter.store.count("acquire") - polls).toBeGreaterThan(3);
      await held.release();
      await (await waiting).release();
      expect(await takeTurns([holder.mutex, waiter.mutex], 3)).toBe(1);

      await server.start();
      const again = await holder.mutex.locker("job").lock();
      const answered = answers();
      const secondWait = waiter.mutex.locker("job").lock();
      await expect.poll(answers).toBeGreaterThan(answered);
      waiter.heard.length = 0;
      await again.release();
      await (await secondWait).release();
      expect(waiter.heard.find((message) => message.startsWith("released"))).toBeDefined();

      for (const line of log) expect(line).toMatch(/^the channel of wake-ups fails \(\w+\): waiters poll meanwhile$/);
      expect(log.join("\n")).not.toContain(PASSWORD);
    });
  });
}
