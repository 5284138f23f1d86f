import { describe, expect, it } from "vitest";
import { type OnceRecord, onceRecordIn, onceRecordName } from "../../src/blobs/once-record.ts";
import { compareSlots } from "../../src/blobs/once-slot.ts";
import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { Lock } from "../../src/locks/lock.ts";
import { Once } from "../../src/recipes/once/once.ts";
import { Chaos } from "../support/chaos.ts";
import { seedsOf } from "../support/seeds.ts";

const KEY = "nightly";
const TROUBLE_MS = 60_000;
const SLOTS = 6;
const SLOT_EVERY_MS = 10_000;

interface Played {
  /** How often each slot was begun. */
  readonly begun: ReadonlyMap<number, number>;
  readonly last: OnceRecord;
}

/** Processes whose schedules fire by clocks of their own, while a Go peer writes over the blob of the key. */
async function crowd(seed: number, afterCrash: "rerun" | "leave"): Promise<Played> {
  const chaos = new Chaos(seed);
  const { clock, world, random } = chaos;
  const begun = new Map<number, number>();
  const done = new Set<number>();
  const atWork = new Set<Lock>();
  let last: OnceRecord | undefined;

  const begin = (slot: number, lock: Lock): void => {
    for (const over of done)
      if (over >= slot) throw chaos.violation(`slot ${slot} is begun again, and ${over} is done`);
    begun.set(slot, (begun.get(slot) ?? 0) + 1);
    if (afterCrash === "leave" && (begun.get(slot) ?? 0) > 1) throw chaos.violation(`slot ${slot} is begun twice`);
    atWork.add(lock);
    if ([...atWork].filter(({ isHeld }) => isHeld).length > 1) throw chaos.violation("two are at work");
  };
  const look = async (): Promise<void> => {
    const found = await world.memory.read(onceRecordName(KEY));
    const said = found.kind === "found" ? onceRecordIn(found.blob.metadata) : undefined;
    if (said === undefined) return;
    if ("problem" in said) throw chaos.violation(said.problem);
    const { record } = said;
    if (last && isBefore(record, last))
      throw chaos.violation(`the record goes from ${JSON.stringify(last)} back to ${JSON.stringify(record)}`);
    last = record;
    if (record.state === "done") done.add(record.slot as number);
  };
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      await look();
      await chaos.rest(20);
    }
  })();
  const onceOf = (mutex: AzureMutex, whileRunning: "skip" | "wait"): Once =>
    new Once(mutex, KEY, {
      afterCrash,
      afterFailure: afterCrash === "leave" ? "leave" : "retry",
      maxAttempts: Number.POSITIVE_INFINITY,
      whileRunning,
      leaseSeconds: 15,
    });
  const beginsAt = clock.now();
  const due = (): number => Math.min(SLOTS, 1 + Math.floor((clock.now() - beginsAt) / SLOT_EVERY_MS));

  await chaos.crowd({ mostTasks: 1, troubleMs: TROUBLE_MS }, (process) => {
    const once = onceOf(process.mutex, random() < 0.5 ? "skip" : "wait");
    // Clocks off by minutes: each is a number of slots early or late.
    const offBy = chaos.upTo(7) - 3;
    return async () => {
      for (;;) {
        await chaos.rest(chaos.upTo(SLOT_EVERY_MS / 2));
        if (process.isDead || (last?.slot === SLOTS && last.state !== "started")) return;
        if (random() < 0.05) await world.memory.putBlob(KEY).catch(() => undefined);
        const slot = Math.max(1, Math.min(SLOTS, due() + (due() < SLOTS ? offBy : 0)));
        const result = await once
          .run(slot, async (lock) => {
            begin(slot, lock);
            const fails = random() < 0.1;
            await chaos.rest(chaos.upTo(4_000));
            atWork.delete(lock);
            if (fails) throw new Error("failed");
          })
          .catch((error: unknown) => {
            if (error instanceof Error && error.constructor.name === "Violation") throw error;
          });
        if (result?.outcome === "ran") done.add(slot);
      }
    };
  });
  // All of them may have died.
  const survivor = onceOf(world.process().mutex, "skip");
  for (let outcome = "running"; outcome === "running"; ) {
    ({ outcome } = await world.until(survivor.run(SLOTS, (lock) => begin(SLOTS, lock))));
    await clock.advance(1_000);
  }
  isOver = true;
  await world.until(watching);
  await look();
  if (!last) throw chaos.violation("there is no record");
  return { begun, last };
}

function isBefore(record: OnceRecord, last: OnceRecord): boolean {
  const order = compareSlots(record.slot, last.slot);
  if (record.token < last.token || order < 0) return true;
  return order === 0 && (record.attempt < last.attempt || (last.state === "done" && record.state !== "done"));
}

describe("slots of one key, in seeded runs with deaths, astray requests and a Go peer", () => {
  it("that are done never run again, and end while processes ask for them", async () => {
    for (const seed of seedsOf(200)) {
      const { last } = await crowd(seed, "rerun");
      expect(last, `seed ${seed}`).toMatchObject({ slot: SLOTS, state: "done", lastDone: SLOTS });
    }
  });

  it("are never begun twice where crashes are left", async () => {
    let begun = 0;
    for (const seed of seedsOf(200)) {
      const played = await crowd(seed, "leave");
      expect(["done", "crashed", "failed"], `seed ${seed}`).toContain(played.last.state);
      begun += played.begun.size;
    }
    expect(begun).toBeGreaterThan(2 * seedsOf(200).length);
  });
});
