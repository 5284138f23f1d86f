import { afterEach, describe, expect, it, vi } from "vitest";
import { AzureMutex, Semaphore } from "../../../src/index.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";

afterEach(() => vi.unstubAllGlobals());

describe("a runtime that is too old", () => {
  it("is named when a mutex is constructed, with what it lacks", () => {
    vi.stubGlobal("crypto", undefined);
    const message = `azmutex needs Node.js 20.19 or newer, Bun or Deno: Node.js ${process.version} has no crypto`;
    expect(() => new AzureMutex({ store: new MemoryLeaseStore() })).toThrow(message);
    expect(() => new Semaphore({ store: new MemoryLeaseStore() }, "k", { permits: 1 })).toThrow(message);
  });

  it("is not this one", () => {
    expect(() => new AzureMutex({ store: new MemoryLeaseStore() })).not.toThrow();
  });
});
