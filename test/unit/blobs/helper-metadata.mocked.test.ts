import { describe, expect, it, vi } from "vitest";
import { metadataSize } from "../../../src/blobs/lock-record.ts";
import { shortened } from "../../../src/blobs/metadata-json.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore, type SemaphoreOptions } from "../../../src/recipes/semaphore/semaphore.ts";
import type { Metadata } from "../../../src/store/lease-store.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { World } from "../../support/world.ts";

// The longest that Linux allows.
vi.mock("node:os", () => ({ hostname: () => "h".repeat(64) }));

function setup() {
  const world = new World();
  const { mutex } = world.process();
  const permit = (key: string, options: Partial<SemaphoreOptions> = {}) =>
    world.until(new Semaphore(world.process().mutex, key, { permits: 3, ...options }).acquire());
  const read = (key: string, options: LockerOptions = {}) =>
    world.until(new ReaderWriterLock(world.process().mutex, key, options).read.lock());
  return { world, clock: world.clock, mutex, permit, read };
}

describe("the metadata of a helper blob", () => {
  /** The service counts names and values, and perhaps the prefix of each header. */
  const MOST = 8_192;
  const sizeOf = (metadata: Metadata) => metadataSize(metadata) + Object.keys(metadata).length * "x-ms-meta-".length;
  const LETTERS = ["x", '"', "\u00e9", "\u6f22", "\u{1F680}"];
  const longest = (letter: string, length: number) => letter.repeat(length / letter.length);
  // A key cannot have a tab; a holder and a purpose can.
  const all = LETTERS.flatMap((ofKey) => [...LETTERS, "\t"].map((ofHolder) => [ofKey, ofHolder] as const));

  it.each(all)("fits into 8 KB with the longest key of %j, and holder and purpose of %j", async (ofKey, ofHolder) => {
    const { world, clock, permit, read } = setup();
    const key = longest(ofKey, 1_024);
    const holder = longest(ofHolder, 256);
    const options = { holder, purpose: longest(ofHolder, 1_024), fair: true };
    await permit(key, { ...options, permits: 1 });
    // A key is used as one of them; this one is used anew.
    await world.memory.remove(key);
    await read(key, options);
    for (let waiting = 0; waiting < 2; waiting += 1) {
      void new Semaphore(world.process().mutex, key, { ...options, permits: 1 })
        .acquire({ timeoutMs: 3_000 })
        .catch(() => undefined);
      void new ReaderWriterLock(world.process().mutex, key, options).write
        .lock({ timeoutMs: 3_000 })
        .catch(() => undefined);
      await clock.advance(1_000);
    }
    const kinds = new Set<string>();
    for await (const { key: name, metadata } of world.memory.list("")) {
      for (const kind of Object.keys(metadata)) kinds.add(kind);
      expect(sizeOf(metadata), name).toBeLessThanOrEqual(MOST);
    }
    expect(kinds).toEqual(
      new Set(["azmutex", "azmutex_kind", "azmutex_reader", "azmutex_semaphore", "azmutex_ticket"]),
    );
  });

  it("bears all of a purpose there is room for, and says where it ends", async () => {
    const { mutex, permit } = setup();
    const purpose = "x".repeat(1_024);
    await permit("x".repeat(1_024), { holder: "x".repeat(256), purpose });
    expect((await mutex.inspect("x".repeat(1_024))).semaphore?.held).toMatchObject([{ purpose }]);
    await permit("\u6f22".repeat(100), { purpose: "\u6f22".repeat(1_024) });
    expect((await mutex.inspect("\u6f22".repeat(100))).semaphore?.held).toMatchObject([
      { purpose: "\u6f22".repeat(1_024) },
    ]);
    const key = "漢".repeat(1_024);
    await permit(key, { purpose: "漢".repeat(1_024) });
    const [held] = (await mutex.inspect(key)).semaphore?.held ?? [];
    expect(held?.purpose).toMatch(/^漢{100,1023}…$/);
  });

  it.each([
    ["abc", 5, "abc"],
    ["abcdefghi", 10, "ab…"],
    ["\u6f22\u6f22\u6f22", 20, "\u6f22\u6f22\u6f22"],
    ["\u6f22\u6f22\u6f22", 19, "\u6f22…"],
    ["\u{1F680}\u{1F680}", 25, "\u{1F680}…"],
    ["\u{1F680}\u{1F680}", 26, "\u{1F680}\u{1F680}"],
    ["abcdefghi", 7, ""],
  ])("shortens %j to %d bytes between two letters", (text, bytes, expected) => {
    expect(shortened(text, bytes)).toBe(expected);
  });
});
