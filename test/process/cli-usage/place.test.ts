import { randomUUID } from "node:crypto";
import { ContainerSASPermissions } from "@azure/storage-blob";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import type { CliEnd } from "../../support/cli.ts";
import { CommandProcess } from "../../support/command-lines.ts";
import { account, connectionString, end, KEY, NEVER_RUN, refusal, refusedBy, STORAGE, storage } from "./storage.ts";

const { accountName, accountKey } = storage.emulator;
/** No server listens there. */
const NOWHERE = "https://127.0.0.1:1/";

const commands = new CommandProcess();
afterAll(() => commands[Symbol.dispose]());

describe.concurrent("where the storage is", () => {
  const runs = async (
    test: TestContext,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<void> => {
    expect(await end(test, ["run", ...args, randomUUID(), ...NEVER_RUN], { env })).toMatchObject({
      code: 0,
      out: "it ran\n",
      err: "",
    });
  };

  it("is said by a connection string; by account, key, endpoint; or by a SAS with ? or without", async (test) => {
    const container = await storage.newContainer();
    const permissions = ContainerSASPermissions.parse("rw");
    const { search } = new URL(
      await container.generateSasUrl({ expiresOn: new Date(Date.now() + 86_400_000), permissions }),
    );
    const named = { AZURE_STORAGE_ACCOUNT: accountName };
    const signed = ["--endpoint", storage.proxy.url, "--container", container.containerName];
    await Promise.all([
      runs(test, [], STORAGE),
      runs(test, ["--endpoint", storage.proxy.url], { ...named, AZURE_STORAGE_KEY: accountKey }),
      runs(test, ["--endpoint", `${storage.proxy.url}/`, "--account", accountName], { AZURE_STORAGE_KEY: accountKey }),
      runs(test, signed, { ...named, AZURE_STORAGE_SAS_TOKEN: search }),
      runs(test, signed, { ...named, AZURE_STORAGE_SAS_TOKEN: search.slice("?".length) }),
    ]);
  });

  it("is said by AZMUTEX_CONTAINER where --container says nothing, and an empty one says nothing", async (test) => {
    const [{ containerName: own }, { containerName: other }] = await Promise.all([
      storage.newContainer(),
      storage.newContainer(),
    ]);
    const key = randomUUID();
    const held = await storage.mutex(own).locker(key).lock();
    test.onTestFinished(() => held.release());
    const tried = (args: readonly string[], container: string): Promise<CliEnd> =>
      end(test, ["run", "--try", ...args, key, ...NEVER_RUN], { env: { ...STORAGE, AZMUTEX_CONTAINER: container } });
    const ends = await Promise.all([
      tried([], own),
      tried(["--container", other], own),
      tried(["--container", own], other),
      tried([], ""),
    ]);
    expect(ends.map(({ code }) => code)).toEqual([75, 0, 75, 0]);
  });

  it("is said by the command line first: account and endpoint put a connection string aside", async (test) => {
    const broken = {
      AZURE_STORAGE_CONNECTION_STRING: "rubbish",
      AZURE_STORAGE_ACCOUNT: "Not-A-Name",
      AZURE_STORAGE_KEY: accountKey,
    };
    await runs(test, ["--account", accountName, "--endpoint", storage.proxy.url], broken);
    const { text } = await refusal(test, ["run", "k", "--account", "Else", ...NEVER_RUN], 64, {
      ...STORAGE,
      AZURE_STORAGE_KEY: accountKey,
    });
    expect(text).toContain('not "Else"');
  });

  it("is said by a connection string before account and key, and by a key before a SAS", async (test) => {
    await runs(test, [], { ...STORAGE, AZURE_STORAGE_ACCOUNT: "Not-A-Name", AZURE_STORAGE_KEY: "none" });
    await runs(test, ["--endpoint", storage.proxy.url], {
      AZURE_STORAGE_ACCOUNT: accountName,
      AZURE_STORAGE_KEY: accountKey,
      AZURE_STORAGE_SAS_TOKEN: "none",
    });
  });
});

describe.concurrent("storage that does not let in", () => {
  const wrong = storage.proxy.connectionString.replace(accountKey, KEY);

  it.for([
    ["run", "k", ...NEVER_RUN],
    ["elect", "k", ...NEVER_RUN],
    ["status", "k"],
    ["ls"],
    ["leader", "k"],
    ["break", "k", "--yes"],
  ])("ends %j with 77", async (args) => {
    expect(refusedBy(await commands.run({ args, env: connectionString(wrong) }), 77)).toMatch(
      new RegExp(
        String.raw`^could not \w+(?: ".*")? in \S+/devstoreaccount1/locks: the credentials were refused: 403 ` +
          String.raw`AuthorizationFailure(?:: Server failed to authenticate the request \(is the key, or the ` +
          String.raw`SAS, right\?\))?; azmutex doctor says more$`,
      ),
    );
  });
});

describe.concurrent("storage that cannot be reached", () => {
  const env = account("acme");

  it.for([["run", "k", "--try", ...NEVER_RUN], ["status", "k"], ["ls"], ["break", "k", "--yes"], ["leader", "k"]])(
    "ends %j, which asks once, with 69 and long before one that waits would",
    async ([command = "", ...args]) => {
      const end = await commands.run({ args: [command, "--endpoint", NOWHERE, ...args], env });
      expect(refusedBy(end, 69)).toMatch(
        /^could not \w+(?: ".*")? in \S+\/locks: no answer from 127\.0\.0\.1:1: ECONNREFUSED \(nothing listens there/,
      );
      expect(end.ownMs).toBeLessThan(15_000);
    },
  );

  it("ends a command that waits with 69 at its time-out, and not as if the lock were held", async (test) => {
    const { text } = await refusal(
      test,
      ["run", "--endpoint", NOWHERE, "k", "--timeout", "15s", ...NEVER_RUN],
      69,
      env,
    );
    expect(text).toMatch(
      new RegExp(
        String.raw`^lock on "k" in \S+/locks was not free within 15s, and 127\.0\.0\.1:1 does not answer: ` +
          String.raw`ECONNREFUSED \(nothing listens there`,
      ),
    );
  });

  it("ends a command that waits with 69, after 20 s", async (test) => {
    const { code, err, ms } = await end(test, ["run", "--endpoint", NOWHERE, "k", ...NEVER_RUN], { env });
    expect(code).toBe(69);
    expect(err.trimEnd().split("\n").at(-1)).toMatch(
      /^azmutex: waiting for "k": no answer from 127\.0\.0\.1:1 for [2-9]\d s: ECONNREFUSED \(nothing listens there/,
    );
    expect(ms).toBeGreaterThan(20_000);
  });
});
