import type { ContainerClient } from "@azure/storage-blob";
import { afterAll, beforeEach, describe, expect, it, type TestContext } from "vitest";
import type { StatusJson, WatchJson } from "../../src/cli/output/json.ts";
import { type AzureMutex, LeaderElection, Semaphore } from "../../src/index.ts";
import { Cli, type CliOptions } from "../support/cli.ts";
import { CommandProcess, type LineEnd } from "../support/command-lines.ts";
import { onTerminal } from "../support/pseudo-terminal.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const commands = new CommandProcess();
afterAll(async () => {
  commands[Symbol.dispose]();
  await storage[Symbol.asyncDispose]();
});

const KEY = "mix";
const RED = "\u001b[31m";

let container: ContainerClient;
let mutex: AzureMutex;
beforeEach(async () => {
  container = await storage.newContainer();
  mutex = storage.mutex(container.containerName);
});

const account = (): Record<string, string> => ({ AZURE_STORAGE_CONNECTION_STRING: storage.emulator.connectionString });

function line(command: string, args: readonly string[]): string[] {
  const at = args.includes("--") ? args.indexOf("--") : args.length;
  return [command, ...args.slice(0, at), "--container", container.containerName, ...args.slice(at)];
}

function start(test: TestContext, command: string, args: readonly string[] = [], options: CliOptions = {}): Cli {
  return new Cli(test, line(command, args), { env: account(), ...options });
}

/** How a command ends that needs no process of its own: one that is refused, or that asks for facts. */
const end = (command: string, args: readonly string[] = []): Promise<LineEnd> =>
  commands.run({ args: line(command, args), env: account() });

function refusal(found: string, stated: string): string {
  return `azmutex: "mix" is used as ${found}, not as ${stated}: all its users must use it as the same\n`;
}

/** A slow machine says before that what it waits for. */
const refusedAtLast = (found: string, stated: string): unknown => expect.stringContaining(refusal(found, stated));

describe("a key that is used as one kind", () => {
  const WAYS: readonly (readonly [options: readonly string[], kind: string])[] = [
    [[], "a lock"],
    [["--semaphore", "2"], "a semaphore"],
    [["--read"], "a reader-writer-lock"],
    [["--write"], "a reader-writer-lock"],
  ];
  /** Both lease the key's own blob: the second waits, and is refused when it looks who is in the way. */
  const isOneLease = (options: readonly string[]): boolean => options.length === 0 || options[0] === "--write";

  for (const [first, found] of WAYS) {
    for (const [second, stated] of WAYS.filter(([, kind]) => kind !== found)) {
      it(`by run ${first.join(" ")} is refused to run ${second.join(" ")} with 64 meanwhile`, async (test) => {
        const job = start(test, "run", [KEY, ...first, "--", "sh", "-c", "echo in; read line"], { input: "open" });
        await job.printed(/in/);
        const args = [KEY, ...second, "--", "echo", "ran"];
        if (isOneLease(first) && isOneLease(second)) {
          const { code, out } = await onTerminal(test, line("run", args), { env: account() }).ended;
          expect(code).toBe(64);
          expect(out).toContain(refusal(found, stated).trimEnd());
        } else {
          const { code, out, err } = await end("run", args);
          expect({ code, out, err }).toEqual({ code: 64, out: "", err: refusedAtLast(found, stated) });
        }
        job.type("\n");
        expect((await job.ended).code).toBe(0);
      });
    }
  }

  it("is refused with --quiet as well", async (test) => {
    const job = start(test, "run", [KEY, "--", "sh", "-c", "echo in; read line"], { input: "open" });
    await job.printed(/in/);
    const refused = start(test, "run", [KEY, "--write", "--quiet", "--", "echo", "ran"]);
    expect(await refused.ended).toMatchObject({
      code: 64,
      out: "",
      err: refusal("a lock", "a reader-writer-lock"),
    });
    job.type("\n");
    expect((await job.ended).code).toBe(0);
  });

  it("is refused to elect and leader, unless it is an election, and to run where it is one", async () => {
    await mutex.locker(KEY).run(() => undefined);
    const elected = await end("elect", [KEY, "--", "echo", "leads"]);
    expect(elected).toMatchObject({ code: 64, out: "", err: refusedAtLast("a lock", "an election") });
    expect(await end("leader", [KEY])).toMatchObject({
      code: 64,
      out: "",
      err: refusal("a lock", "an election"),
    });
    await container.getBlobClient(KEY).delete();
    await (await new LeaderElection(mutex, KEY).campaign()).resign();
    const ran = await end("run", [KEY, "--", "echo", "ran"]);
    expect(ran).toMatchObject({ code: 64, out: "", err: refusedAtLast("an election", "a lock") });
  });

  it("is another one when its blob and its helper blobs were deleted", async (test) => {
    await new Semaphore(mutex, KEY, { permits: 2 }).run(() => undefined);
    for await (const { name } of container.listBlobsFlat()) await container.getBlobClient(name).delete();
    const run = start(test, "run", [KEY, "--", "echo", "ran"]);
    expect(await run.ended).toMatchObject({ code: 0, out: "ran\n", err: "" });
  });
});

describe("a key that is used in two ways all the same", () => {
  /** A lock whose blob was deleted under a semaphore, which does not learn it. */
  async function mixed(): Promise<void> {
    await new Semaphore(mutex, KEY, { permits: 2, leaseSeconds: 60, holder: "permit" }).acquire();
    await container.getBlobClient(KEY).delete();
    await storage.mutex(container.containerName).locker(KEY, { leaseSeconds: 60, holder: "lock" }).lock();
  }
  const TEXT = "used as lock and as semaphore, which do not exclude each other";

  it("is shown so by status, ls and watch", async (test) => {
    await mixed();
    const { out } = await end("status", [KEY]);
    expect(out).toMatch(
      /^mix: mixed use: held, 1 of 2 permits\n {2}in .*\n {2}mixed use +used as lock and as semaphore, which/,
    );
    expect((await end("ls")).out).toMatch(/^mix +mixed use: held, 1 of 2 permits +lock /m);
    const status = JSON.parse((await end("status", [KEY, "--json"])).out) as StatusJson;
    expect(status).toMatchObject({ kind: "lock", mixedKinds: ["lock", "semaphore"] });
    expect(JSON.parse((await end("ls", ["--json"])).out)).toEqual([status]);
    const watching = start(test, "watch");
    await watching.printed(new RegExp(`^(?!azmutex: watching).*${TEXT}`, "m"));
  });

  it("is red on a terminal", async (test) => {
    await mixed();
    for (const [command, args] of [
      ["status", [KEY]],
      ["ls", []],
    ] as const) {
      const { out } = await onTerminal(test, line(command, args), { env: account() }).ended;
      expect(out).toContain(`${RED}mixed use: held, 1 of 2 permits`);
    }
  });

  it("is an event of watch when it begins", async (test) => {
    await new Semaphore(mutex, KEY, { permits: 2, leaseSeconds: 60 }).acquire();
    const watching = start(test, "watch", ["--json", "--every", "500ms"]);
    await watching.printed(/\n/);
    await container.getBlobClient(KEY).delete();
    await storage.mutex(container.containerName).locker(KEY, { leaseSeconds: 60 }).lock();
    const [found] = await watching.printed(/.*"event":"mixed".*/);
    expect(JSON.parse(found) as WatchJson).toMatchObject({ key: KEY, mixedKinds: ["lock", "semaphore"] });
  });

  it("is shown so with --fair and without", async (test) => {
    await mutex.locker(KEY, { leaseSeconds: 60 }).lock();
    start(test, "run", [KEY, "--fair", "--", "true"]);
    await expect.poll(async () => (await mutex.inspect(KEY)).waiting?.length, { timeout: 20_000 }).toBe(1);
    const { out } = await end("status", [KEY]);
    expect(out).toMatch(/^mix: mixed use: held\n {2}in .*\n {2}mixed use +used with and without fair: /);
  });
});
