import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { isMutexError, StoreUnavailableError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { ownTime } from "../../support/own-time.ts";
import { everythingPrinted } from "../../support/printed.ts";
import { containerName, emulator, proxy } from "./storage.ts";

describe("a source of tokens that takes longer than a request may", () => {
  it("is not given up with the request that asked, and the next request has the token", async () => {
    let asked = 0;
    const slow = {
      // As those of @azure/identity do.
      getToken: async (_scopes: string | string[], { abortSignal: signal }: { abortSignal?: AbortSignal } = {}) => {
        asked += 1;
        await sleep(600, undefined, { signal });
        return { token: "canary", expiresOnTimestamp: Date.now() + 3_600_000 };
      },
    };
    // Nothing listens there: with a token a request can be sent, and is refused.
    const mutex = new AzureMutex({
      credential: slow,
      endpoint: "https://127.0.0.1:1",
      containerName,
      tryTimeoutMs: 300,
    });
    await expect(mutex.break("job")).rejects.toThrow("ECONNREFUSED");
    expect(asked).toBe(1);
  });
});

describe("a service that is not there", () => {
  it.each([
    ["refuses connections", async () => ({ url: "http://127.0.0.1:1/devstoreaccount1", close: () => undefined })],
    [
      "never answers",
      async () => {
        const server = createServer(() => undefined).listen(0, "127.0.0.1");
        await once(server, "listening");
        const address = server.address();
        return {
          url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/devstoreaccount1`,
          close: () => server.close(),
        };
      },
    ],
    [
      "has no such name",
      async () => ({ url: "http://no-such-host.localhost/devstoreaccount1", close: () => undefined }),
    ],
  ])("and %s is StoreUnavailableError after unreachableAfterMs, and no secret is shown", async (_, start) => {
    const { url, close } = await start();
    const log: string[] = [];
    const { accountName, accountKey } = emulator;
    const mutex = new AzureMutex({
      accountName,
      accountKey,
      endpoint: url,
      containerName,
      log: (line) => log.push(line),
    });
    const locker = mutex.locker("job", { tryTimeoutMs: 200, unreachableAfterMs: 1_000 });
    const began = performance.now();
    const ownBegan = ownTime.now();
    const error = await locker.lock().catch((thrown: unknown) => thrown);
    const took = performance.now() - began;
    const ownTook = ownTime.now() - ownBegan;
    close();
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ key: "job", answered: false });
    // The clock that counts suspend does so in hundredths of a second, and whichever clock is ahead decides.
    expect(took).toBeGreaterThanOrEqual(980);
    expect(ownTook).toBeLessThan(5_000);
    expect(everythingPrinted(error) + log.join("\n")).not.toContain(emulator.accountKey);
    expect(isMutexError((error as Error).cause)).toBe(true);
  });

  it("leaves nothing of the account's key in a mutex or a locker that is printed", () => {
    const mutex = new AzureMutex({ connectionString: proxy.connectionString, containerName });
    const locker = mutex.locker("job");
    for (const printed of [
      inspect(mutex, { depth: 10, showHidden: true }),
      inspect(locker, { depth: 10, showHidden: true }),
      JSON.stringify(mutex),
    ]) {
      expect(printed).not.toContain(emulator.accountKey);
    }
  });
});
