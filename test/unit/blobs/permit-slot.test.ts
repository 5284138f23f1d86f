import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { helpersOf } from "../../../src/blobs/helper-folder.ts";
import { slotName } from "../../../src/blobs/permit-slot.ts";
import { PROJECT } from "../../support/sources.ts";

describe("the slots of a semaphore", () => {
  it("are where the commands in docs/semaphore.md look for them", () => {
    const [, key = "", folder = ""] =
      /slots=\.azmutex\/\$\(printf %s ([\w-]+) \| sha256sum \| cut -d ' ' -f 1\)\/(\w+\/)/.exec(
        readFileSync(join(PROJECT, "docs/semaphore.md"), "utf8"),
      ) ?? [];
    const slots = `.azmutex/${createHash("sha256").update(key).digest("hex")}/${folder}`;
    expect(slotName(helpersOf(key), 3).startsWith(slots)).toBe(true);
  });
});
