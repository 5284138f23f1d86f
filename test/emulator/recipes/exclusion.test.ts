import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { ownTime } from "../../support/own-time.ts";
import { fair, here, key, leads, pause, permit, several, side, type Take, there, useKey } from "./two-processes.ts";

describe("two processes exclude each other on the emulator, and neither waits for a lease to run out,", () => {
  const recipes: readonly (readonly [name: string, one: Take, other: Take])[] = [
    ["as leaders", leads(), leads()],
    ["with a semaphore", permit(), permit()],
    ["with a fair semaphore", permit({ fair }), permit({ fair })],
    ["as writers", side("write"), side("write")],
    ["as reader and writer", side("read"), side("write")],
    ["as reader and writer in a fair queue", side("read", { fair }), side("write", { fair })],
    ["with several locks in opposite orders", several(["a", "b", "c"]), several(["c", "b", "a"])],
  ];
  it.each(recipes)("%s", async (_name, one, other) => {
    let inside = 0;
    let most = 0;
    const turns = async (mutex: AzureMutex, take: Take): Promise<void> => {
      for (let turn = 0; turn < 4; turn += 1) {
        const held = await take(mutex);
        inside += 1;
        most = Math.max(most, inside);
        await pause(20);
        held.assertHeld();
        inside -= 1;
        await held.release();
        await pause(5);
      }
    };
    const began = ownTime.now();
    await Promise.all([turns(here, one), turns(there, other)]);
    expect(most).toBe(1);
    expect(ownTime.now() - began).toBeLessThan(15_000);
  });

  it("and never more than its permits with a semaphore of three", async () => {
    let inside = 0;
    let most = 0;
    const turns = async (mutex: AzureMutex): Promise<void> => {
      const three = new Semaphore(mutex, key, { permits: 3 });
      for (let turn = 0; turn < 3; turn += 1) {
        await three.run(async () => {
          inside += 1;
          most = Math.max(most, inside);
          // On a slow machine the third comes late.
          for (const began = performance.now(); most < 3 && performance.now() - began < 60_000; ) await pause(10);
          await pause(50);
          inside -= 1;
        });
      }
    };
    await Promise.all([here, here, here, there, there, there].map(turns));
    expect(most).toBe(3);
  });

  it("and users of a semaphore who state different numbers at the same instant do not both get in", async () => {
    for (let round = 0; round < 5; round += 1) {
      useKey(randomUUID());
      const outcomes = await Promise.allSettled([
        new Semaphore(here, key, { permits: 3 }).acquire(),
        new Semaphore(there, key, { permits: 5 }).acquire(),
      ]);
      const [refused] = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(refused?.reason).toMatchObject({ code: "DIFFERING_PERMITS" });
    }
  });
});
