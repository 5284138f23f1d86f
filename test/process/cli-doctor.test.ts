import { tmpdir } from "node:os";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { type Certificate, certificateFor } from "../../lab/shared/certificate.ts";
import type { Diagnosis } from "../../src/index.ts";
import { Cli } from "../support/cli.ts";
import { CommandProcess, type LineEnd } from "../support/command-lines.ts";
import { DOCTOR_CASES, type DoctorCase } from "../support/doctor-cases.ts";
import { onTerminal } from "../support/pseudo-terminal.ts";
import { ServiceServer } from "../support/service-server.ts";

const CANARY = "C4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ry";
const KEY = Buffer.from(CANARY).toString("base64");

const caseOf = (what: string): DoctorCase => {
  const found = DOCTOR_CASES.find((one) => one.what === what);
  if (!found) throw new Error(`there is no case "${what}"`);
  return found;
};

async function served(test: TestContext, what: string, certificate?: Certificate): Promise<ServiceServer> {
  const server = await ServiceServer.start(caseOf(what), certificate);
  test.onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

const envOf = (server: ServiceServer): Readonly<Record<string, string>> => ({
  AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${server.endpoint};AccountName=acme;AccountKey=${KEY}`,
});

const commands = new CommandProcess();
afterAll(() => commands[Symbol.dispose]());

/** A diagnosis that is not disturbed needs no process of its own. */
async function run(server: ServiceServer, ...args: readonly string[]): Promise<LineEnd> {
  const end = await commands.run({ args: ["doctor", ...args], env: envOf(server) });
  expect(end.out + end.err).not.toContain(CANARY);
  expect(end.out + end.err).not.toContain(KEY);
  return end;
}

async function blobsOf({ double }: ServiceServer): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of double.memory.list("")) names.push(key);
  return names;
}

const findingsOf = (diagnosis: Diagnosis): string[] =>
  diagnosis.results.filter(({ outcome, id }) => outcome === "finding" && id !== "event-loop").map(({ id }) => id);

describe.concurrent("azmutex doctor", () => {
  it.for([
    "an account on which all is well",
    "without the right to delete",
    "a captive portal that answers 200 with HTML",
    "a wrong key",
    "network rules that do not let in",
    "a container that is being deleted",
    "a container that does not exist, and may not be made",
    "a hierarchical namespace",
  ])("ends as its table says for %s, and names nothing but with --with-names", async (what, test) => {
    const server = await served(test, what);
    const { code, out, err } = await run(server, "--json");
    const diagnosis: Diagnosis = JSON.parse(out);
    const { finds, exitCode } = caseOf(what);
    expect(findingsOf(diagnosis)).toEqual(finds);
    if (diagnosis.verdict === "findings") expect(code).toBe(1);
    else expect([code, err]).toEqual([exitCode, ""]);
    expect(out).not.toMatch(/\bacme\b|127\.0\.0\.1/);
    expect(diagnosis.place).toBeUndefined();
    expect(await blobsOf(server)).toEqual(diagnosis.left);
  });

  it("names an authority of TLS that is not known", async (test) => {
    const server = await served(test, "an account on which all is well", certificateFor("localhost"));
    const { code, out } = await run(server, "--json", "--with-names");
    const diagnosis: Diagnosis = JSON.parse(out);
    expect([code, diagnosis.verdict]).toEqual([69, "unreachable"]);
    expect(findingsOf(diagnosis)).toEqual(["tls-unknown-authority"]);
    expect(diagnosis.place).toMatch(/^localhost:\d+\/acme\/locks$/);
  });

  it.for([
    ["that was not made", {}, 77, "login-failed"],
    [
      "that does not answer",
      {
        AZURE_TENANT_ID: "00000000-0000-4000-8000-000000000000",
        AZURE_CLIENT_ID: "00000000-0000-4000-8000-000000000001",
        AZURE_CLIENT_SECRET: CANARY,
        AZURE_AUTHORITY_HOST: "https://127.0.0.1:1",
      },
      69,
      "login-unanswered",
    ],
  ] as const)("reports a login %s", async ([, env, exitCode, finding], test) => {
    // None of this machine's, not even by the files of a home.
    const loggedOut = { AZURE_STORAGE_ACCOUNT: "acme", HOME: tmpdir(), PATH: "/nowhere" };
    const { code, out, err } = await new Cli(test, ["doctor", "--json"], { env: { ...loggedOut, ...env } }).ended;
    const diagnosis: Diagnosis = JSON.parse(out);
    expect([code, err, findingsOf(diagnosis)]).toEqual([exitCode, "", [finding]]);
    expect(diagnosis.facts).toMatchObject({ credential: "Entra ID token", credentialSource: "the login to Azure" });
    expect(out).not.toContain(CANARY);
    expect(out).not.toMatch(/\bacme\b/);
  });

  it("says in words what was found, what it means and what to do", async (test) => {
    const server = await served(test, "without the right to delete");
    const { code, out } = await run(server);
    expect(code).toBe(1);
    expect(out).toMatch(/^✓ {2}way in {7}the service answers, signed in with an account key$/m);
    expect(out).toMatch(/^✗ {2}permissions {2}right-delete$/m);
    expect(out).toMatch(/^rights .*write ✓.*delete ✗/m);
    expect(out).toMatch(/^out of reach {2}fair; /m);
    expect(out).toMatch(
      /^1\. notice {2}right-delete\n {3}seen {3}denied: remove\n {3}means .+\n {3}do .+\n {3}see {4}docs\//m,
    );
    expect(out).toMatch(/^findings: /m);
  });

  it("writes nothing with --read-only", async (test) => {
    const server = await served(test, "an account on which all is well");
    const { code, out } = await run(server, "--read-only", "--with-names");
    expect(out).toContain(`${server.endpoint.replace("http://", "")}/locks`);
    expect([0, 1]).toContain(code);
    const operations = new Set(server.double.asked.map(({ operation }) => operation));
    expect([...operations].sort()).toEqual(["list", "read", "read the account", "read the container"]);
  });

  it("deletes what it made after Ctrl-C", async (test) => {
    const server = await served(test, "an account on which all is well");
    const cli = new Cli(test, ["doctor", "--long"], { env: envOf(server) });
    await expect.poll(async () => (await blobsOf(server)).length).toBeGreaterThan(0);
    cli.kill("SIGINT");
    const { code, out, err } = await cli.ended;
    expect([code, out, err]).toEqual([130, "", "azmutex: stopped, and what was made is deleted\n"]);
    expect(await blobsOf(server)).toEqual([]);
  });

  it("says what it left where it may not delete, also after Ctrl-C", async (test) => {
    const server = await served(test, "without the right to delete");
    const cli = new Cli(test, ["doctor", "--long"], { env: envOf(server) });
    await expect.poll(async () => (await blobsOf(server)).length).toBeGreaterThan(3);
    cli.kill("SIGINT");
    const { code, err } = await cli.ended;
    expect(code).toBe(130);
    for (const name of await blobsOf(server)) expect(err).toContain(name);
    expect(err).toMatch(/^azmutex: made, and could not be deleted again: \.azmutex\/doctor\//m);
  });

  it("shows on a terminal what it looks at, and leaves nothing of that behind", async (test) => {
    const server = await served(test, "an account on which all is well");
    const cli = onTerminal(test, ["doctor"], { env: envOf(server) });
    await cli.printed(/permissions \(2 of 9\)/);
    await cli.printed(/(?:sound|findings): /);
  });
});
