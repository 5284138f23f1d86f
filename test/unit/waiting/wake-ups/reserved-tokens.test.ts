import { describe, expect, it } from "vitest";
import { messageIn, messageText } from "../../../../src/waiting/wake-ups/message.ts";
import { reservedIn, tokensText } from "../../../../src/waiting/wake-ups/reserved-tokens.ts";

const LEASE_ID = "2f1f7a3e-9a51-4b6e-8a4d-0c7c2f3f7d11";
const ETAG = '"0x8DCF2C1B2D3E4F0"';
const BLOCK = { next: 1_796_069_409_000_000, top: 1_796_069_409_001_023, etag: ETAG };
const TEXT = tokensText(BLOCK, LEASE_ID);

describe("tokens that a message says are reserved", () => {
  it("are believed by the waiter of that lease id, of the record at that ETag", () => {
    expect(reservedIn(TEXT, LEASE_ID, ETAG)).toEqual(BLOCK);
  });

  it.each<[string, string, string, string]>([
    ["for another waiter", TEXT, LEASE_ID.replace("2f", "3f"), ETAG],
    ["in a record that was written over", TEXT, LEASE_ID, '"0x8DCF2C1B2D3E4F1"'],
    ["with another first token", TEXT.replace(/^./, "i"), LEASE_ID, ETAG],
    ["with a longer block", TEXT.replace(/\.\w+\./, ".zzzz."), LEASE_ID, ETAG],
    ["with another proof", `${TEXT.slice(0, -1)}${TEXT.endsWith("A") ? "B" : "A"}`, LEASE_ID, ETAG],
    ["without a proof", TEXT.slice(0, -22), LEASE_ID, ETAG],
    ["beyond what a number holds", `zzzzzzzzzzz.zzzz.${"A".repeat(22)}`, LEASE_ID, ETAG],
    ["as nonsense", "NaN.-1.", LEASE_ID, ETAG],
  ])("are not believed %s", (_, text, leaseId, etag) => {
    expect(reservedIn(text, leaseId, etag)).toBeUndefined();
  });

  it("fit into a message with four waiters and a time, which does not say the lease id", () => {
    const at = `${Number.MAX_SAFE_INTEGER}`;
    const message = { word: "released", ids: Array<string>(4).fill("f".repeat(32)), tokens: TEXT, at } as const;
    const text = messageText(message);
    expect(text.length).toBeLessThanOrEqual(200);
    expect(text).not.toContain(LEASE_ID);
    expect(messageIn(text)).toEqual(message);
  });

  it.each(["taken aa =1.1.a", "released aa = 1.1.a", "released aa =1.1.a bb", `released aa =${"a".repeat(41)}`])(
    "are no part of %j, which is no message",
    (text) => {
      expect(messageIn(text)).toBeUndefined();
    },
  );
});
