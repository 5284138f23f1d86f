import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { CommandProcess } from "../support/command-lines.ts";
import { onTerminal } from "../support/pseudo-terminal.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const commands = new CommandProcess();
afterAll(async () => {
  commands[Symbol.dispose]();
  await storage[Symbol.asyncDispose]();
});
const { proxy, emulator } = storage;
const PLACE = `${proxy.url.replace("http://", "")}/locks`;
const WRONG_KEY = Buffer.from("a key of no account").toString("base64");

describe.concurrent("with two identities in the environment", () => {
  const env = {
    AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString,
    AZURE_STORAGE_ACCOUNT: "acme",
    AZURE_STORAGE_KEY: WRONG_KEY,
  };
  const UNUSED = "; set as well, and not used: AZURE_STORAGE_KEY, AZURE_STORAGE_ACCOUNT";

  it.for([["ls"], ["status", "k"], ["leader", "k"]])("--verbose says which one %j took", async (args) => {
    const { code, err } = await commands.run({ args: [...args, "--verbose"], env });
    expect({ code, line: err.split("\n")[0] }).toEqual({
      code: 0,
      line: `azmutex: ${PLACE}: signed in with AZURE_STORAGE_CONNECTION_STRING${UNUSED}`,
    });
  });

  it("an error about access says so, and no other line does", async () => {
    const wrong = {
      ...env,
      AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString.replace(emulator.accountKey, WRONG_KEY),
    };
    const { code, err } = await commands.run({ args: ["ls"], env: wrong });
    expect(code).toBe(77);
    expect(err).toMatch(
      /^azmutex: could not list in .* \(signed in with AZURE_STORAGE_CONNECTION_STRING; set as well, .*ACCOUNT\)\n$/,
    );
    const { err: nothing } = await commands.run({ args: ["ls", "none/"], env });
    // Another test may make the container.
    expect(nothing.replace(": the container does not exist", "")).toBe(
      `azmutex: no locks in ${PLACE} with keys that begin with "none/"\n`,
    );
  });

  it("an error about access says nothing of it with one identity alone", async () => {
    const one = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString.replace(emulator.accountKey, WRONG_KEY) };
    const { code, err } = await commands.run({ args: ["ls"], env: one });
    expect({ code, says: err.includes("signed in") }).toEqual({ code: 77, says: false });
  });
});

describe.concurrent("on a terminal, a service that is silent", () => {
  async function silentPort(test: TestContext): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    test.onTestFinished(() => void server.close());
    return (server.address() as AddressInfo).port;
  }

  it.for([
    ["ls"],
    ["status", "k"],
    ["leader", "k"],
    ["break", "k"],
    ["watch"],
    ["run", "k", "--timeout", "20s", "--", "true"],
  ])("is named from the first second on by %j", async (args, test) => {
    const port = await silentPort(test);
    const env = { AZURE_STORAGE_ACCOUNT: "acme", AZURE_STORAGE_KEY: WRONG_KEY };
    const [command = "", ...others] = args;
    const cli = onTerminal(test, [command, "--endpoint", `http://127.0.0.1:${port}/acme`, ...others], { env });
    await cli.printed(new RegExp(`waiting for (?:an answer from )?127\\.0\\.0\\.1:${port} \\(\\d+ s\\)`));
    cli.type("\u0003");
    await cli.ended;
  });
});
