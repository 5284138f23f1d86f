import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeChannel } from "../support/message-servers/describe-channel.ts";
import { startPostgres } from "../support/message-servers/postgres.ts";
import {
  connectPostgres,
  listeningChannels,
  openConnections,
  terminateConnections,
} from "../support/message-servers/postgres-client.ts";
import type { MessageServer } from "../support/message-servers/server.ts";
import { PROJECT } from "../support/sources.ts";

const TOPIC = "c0ffee".repeat(11).slice(0, 64);

let postgres: MessageServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.[Symbol.asyncDispose]());

describeChannel("pg", {
  server: () => postgres,
  connect: connectPostgres,
  connectRefused: (url) => connectPostgres(`${url}-there-is-none`),
  subscriptions: listeningChannels,
});

describe("the connection to PostgreSQL", () => {
  it("is closed after the last listener and the last message", async () => {
    await expect.poll(openConnections).toBe(0);
    await using channel = await connectPostgres(postgres.url);
    const end = await channel.wakeUps.subscribe(TOPIC, () => undefined);
    expect(openConnections()).toBe(1);
    await end();
    await expect.poll(openConnections).toBe(0);
    await channel.wakeUps.publish(TOPIC, "released");
    await expect.poll(openConnections).toBe(0);
  });

  it("is made again when the server has ended it, and listens to what it listened to", async () => {
    await using channel = await connectPostgres(postgres.url);
    await using other = await connectPostgres(postgres.url);
    let heard = 0;
    await channel.wakeUps.subscribe(TOPIC, () => (heard += 1));
    await terminateConnections(postgres.url);
    // A message that comes too early is lost.
    await expect
      .poll(async () => {
        await other.wakeUps.publish(TOPIC, "released");
        return heard;
      })
      .toBeGreaterThan(0);
  });

  it("keeps no program alive", () => {
    const program = `
      import pg from "pg";
      import { AzureMutex } from "azmutex";
      import { MemoryLeaseStore } from "azmutex/testing";
      import { postgresWakeUps } from "azmutex/wake-ups";
      const wakeUps = postgresWakeUps(async () => {
        const client = new pg.Client({ connectionString: ${JSON.stringify(postgres.url)} });
        await client.connect();
        return client;
      });
      const mutex = new AzureMutex({ store: new MemoryLeaseStore({ containerExists: true }), wakeUps });
      await mutex.locker("job").run(() => new Promise((resolve) => setTimeout(resolve, 300)));
      console.log("done");
    `;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: PROJECT,
      encoding: "utf8",
      // The connection would be closed half a minute after the lock.
      timeout: 25_000,
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: "done\n", stderr: "", status: 0 });
  });
});
