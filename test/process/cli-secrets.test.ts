import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerSASPermissions } from "@azure/storage-blob";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { until, watchdogOf } from "../../lab/shared/processes.ts";
import { Cli, type CliEnd } from "../support/cli.ts";
import { type CommandLine, runLines } from "../support/command-lines.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());
const { proxy, emulator } = storage;
const container = await storage.newContainer();

const LOOK_EVERY_MS = 20;

type Env = Readonly<Record<string, string>>;

const CANARY = `C4n4ry${randomUUID().replaceAll("-", "")}`;
const KEY_TEXT = `key+${CANARY}`.padEnd(64, "?>");
const SIGNATURE = `${CANARY}+sig/natu==`;
/** What may not be read, by what it is. The account's key is a secret too, though the emulator's is public. */
const SECRETS: Env = {
  "the account key": Buffer.from(KEY_TEXT).toString("base64"),
  "the bytes of the account key": KEY_TEXT,
  "the signature": SIGNATURE,
  "the client secret": `${CANARY}~client`,
  "the password": `${CANARY}~password`,
  "the token": `${CANARY}.token`,
  "the key that lets in": emulator.accountKey,
};

const wrong = proxy.connectionString.replace(emulator.accountKey, SECRETS["the account key"] ?? "");
const SAS = `?sv=2021-08-06&sr=c&sp=rwl&se=2099-01-01&sig=${encodeURIComponent(SIGNATURE)}`;
/** All variables that anybody could have set. What leads in is set beside them. */
const BESIDES: Env = {
  AZURE_STORAGE_ACCOUNT: emulator.accountName,
  AZURE_STORAGE_KEY: SECRETS["the account key"] ?? "",
  AZURE_STORAGE_SAS_TOKEN: SAS,
  AZURE_TENANT_ID: randomUUID(),
  AZURE_CLIENT_ID: randomUUID(),
  AZURE_CLIENT_SECRET: SECRETS["the client secret"] ?? "",
  AZURE_USERNAME: "user",
  AZURE_PASSWORD: SECRETS["the password"] ?? "",
};

/** How a secret may look when another program has written it. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 depends on what stands before; the first and the last letters depend on what stands around.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .slice(shift === 0 ? 0 : 4)
      .replace(/={1,2}$/, "")
      .slice(0, -2),
  );
  const plain = [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(encodeURIComponent(secret)),
    JSON.stringify(secret).slice(1, -1),
  ];
  const url = base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  const hex = bytes.toString("hex");
  return [...plain, ...plain.map((text) => text.toLowerCase()), ...base64, ...url, hex, hex.toUpperCase()];
}

const secretsIn = (text: string, secrets: Env = SECRETS): string[] =>
  Object.entries(secrets).flatMap(([name, secret]) =>
    formsOf(secret).some((form) => text.includes(form)) ? [name] : [],
  );

const processes = (): string[] => readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));

/** The command lines of all processes of the machine but these, as anybody may read them. */
function commandLines(others: ReadonlySet<string> = new Set()): string {
  return processes()
    .filter((pid) => !others.has(pid))
    .map((pid) => read(`/proc/${pid}/cmdline`))
    .join("\n");
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}

/** All command lines of all processes of the machine that began while one of ours ran. */
const linesSeen = new Set<string>();
let running = 0;

async function watchCommandLines(): Promise<void> {
  let before = new Set(processes());
  while (running > 0) {
    for (const line of commandLines(before).split("\n")) linesSeen.add(line);
    // Another process may get the number of one that has ended.
    const now = new Set(processes());
    before = new Set([...before].filter((pid) => now.has(pid)));
    await sleep(LOOK_EVERY_MS);
  }
}

interface Printed extends Pick<CliEnd, "code" | "err"> {
  /** Everything that it has printed. */
  readonly all: string;
}

interface Watched {
  readonly env?: Env;
  /** What to do once it runs. */
  readonly meanwhile?: (cli: Cli) => unknown;
}

/**
 * A run from its start to its end, with all that it printed. The command lines of all processes are watched meanwhile.
 */
async function watched(
  test: TestContext,
  args: readonly string[],
  { env = {}, meanwhile }: Watched = {},
): Promise<Printed> {
  running += 1;
  if (running === 1) void watchCommandLines();
  try {
    const cli = new Cli(test, args, { env: { ...BESIDES, ...env } });
    await meanwhile?.(cli);
    const end = await cli.ended;
    return { ...end, all: [end.out, end.err].join("\n") };
  } finally {
    running -= 1;
  }
}

/** The same of lines that need no process of their own, whose command lines are not looked at. */
async function allPrinted(lines: readonly CommandLine[]): Promise<Printed[]> {
  const ends = await runLines(lines.map(({ args, env }) => ({ args, env: { ...BESIDES, ...env } })));
  return ends.map((end) => ({ ...end, all: [end.out, end.err].join("\n") }));
}

const at = (name: string): readonly string[] => ["--container", name];
const AT = at(container.containerName);
const JOB = ["--", "sh", "-c", "echo job; sleep 0.2"];
/** Every command that asks the service, once with all that it can say of itself. */
const commandsAt = (where: readonly string[]): readonly (readonly string[])[] => [
  ["run", "k", "--try", "--verbose", ...where, ...JOB],
  ["status", "k", "--json", ...where],
  ["ls", "--verbose", ...where],
  ["elect", "office", "--verbose", "--data", "x", ...where, ...JOB],
  ["leader", "office", "--json", "--verbose", ...where],
  ["status", "k", "--verbose", ...where],
  ["ls", "--json", ...where],
  ["watch", "--json", "--verbose", "--every", "500ms", ...where],
  ["break", "k", "--yes", "--json", "--verbose", ...where],
];
const COMMANDS = commandsAt(AT);
/** Enough where others have shown that it does not depend on the command. */
const SOME_COMMANDS = COMMANDS.slice(0, 3);
/** They go on until they are stopped. */
const endless = (command: string | undefined): boolean => command === "elect" || command === "watch";
const stopsOnceItRuns = async (cli: Cli): Promise<void> => {
  await cli.printed(/^job$|^\{|still watching/m);
  cli.kill("SIGTERM");
};

/** What is typed, and what is set beside all else. */
const MISUSE: readonly CommandLine[] = (
  [
    [[], {}],
    [["--help"], {}],
    [["run", "--help"], {}],
    [["completion", "bash"], {}],
    [["run", "k", "--lease", "1s", ...JOB], {}],
    [["frobnicate"], {}],
    [["ls", "--container", "A"], {}],
    [["ls"], { AZURE_STORAGE_CONNECTION_STRING: `${wrong};rubbish` }],
    [["ls"], { AZURE_STORAGE_CONNECTION_STRING: wrong.replace("==;", "!;") }],
    [["ls"], { AZURE_STORAGE_CONNECTION_STRING: SECRETS["the account key"] ?? "" }],
    [["ls"], { AZURE_STORAGE_KEY: SECRETS["the bytes of the account key"] ?? "" }],
    [["ls"], { AZURE_STORAGE_KEY: "", AZURE_STORAGE_SAS_TOKEN: SAS.replace("sig=", "gis=") }],
    [["ls", "--endpoint", "acme"], {}],
    [["ls", "--endpoint", "ftp://acme.test"], { AZURE_STORAGE_KEY: "" }],
    [["ls", "--account", "No!"], { AZURE_STORAGE_KEY: "" }],
  ] as const
).map(([args, env]) => ({ args, env }));

describe.concurrent("no secret is to be seen", () => {
  const letIn = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };

  it.for(commandsAt([]).map((args, index) => [args.join(" "), index] as const))(
    "when %s ends well",
    async ([, index], test) => {
      const { containerName } = await storage.newContainer();
      await storage
        .mutex(containerName)
        .locker("k")
        .run(() => undefined);
      const args = commandsAt(at(containerName))[index] ?? [];
      const { code, all } = await watched(test, args, {
        env: letIn,
        ...(endless(args[0]) && { meanwhile: stopsOnceItRuns }),
      });
      expect([0, 143]).toContain(code);
      expect(secretsIn(all)).toEqual([]);
    },
  );

  it.for([
    ["a connection string that lets in", letIn, []],
    ["a connection string that does not", { AZURE_STORAGE_CONNECTION_STRING: wrong }, []],
    ["a SAS that does not", { AZURE_STORAGE_KEY: "" }, ["--endpoint", proxy.url]],
  ] as const)("in what azmutex doctor finds, signed in with %s", async ([, env, where]) => {
    const lines = ["--json", "--verbose"].map((form) => ["doctor", "--with-names", form, ...where, ...AT]);
    for (const { all } of await allPrinted(lines.map((args) => ({ args, env })))) {
      expect(all).toMatch(/way in|wayIn/);
      expect(secretsIn(all)).toEqual([]);
    }
  });

  it.for([
    ["a connection string", { AZURE_STORAGE_CONNECTION_STRING: wrong }, [], COMMANDS],
    ["an account's key", {}, ["--endpoint", proxy.url], SOME_COMMANDS],
    ["a SAS", { AZURE_STORAGE_KEY: "" }, ["--endpoint", proxy.url], COMMANDS],
    [
      "a connection string with a SAS",
      { AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${proxy.url};SharedAccessSignature=${SAS}` },
      [],
      SOME_COMMANDS,
    ],
  ] as const)("when the service refuses %s", async ([, env, where, commands]) => {
    const ends = await allPrinted(
      commands.map(([command = "", ...args]) => ({ args: [command, ...where, ...args], env })),
    );
    expect(ends).toHaveLength(commands.length);
    for (const [at, { code, err, all }] of ends.entries()) {
      const command = commands[at]?.[0];
      expect([command, code, err]).toEqual([command, 77, expect.stringContaining("the credentials were refused: 403")]);
      expect(secretsIn(all)).toEqual([]);
    }
  });

  it.for([
    ["key", {}, COMMANDS],
    ["SAS", { AZURE_STORAGE_KEY: "" }, SOME_COMMANDS],
  ] as const)("when the service cannot be reached with a %s", async ([, env, commands], test) => {
    const lines = commands.map(([command = "", ...args]) => [command, "--endpoint", "https://127.0.0.1:1/", ...args]);
    // An election goes on trying, and has said before what it says then.
    const watch = lines.filter(([command]) => command === "watch");
    const ends = await allPrinted(lines.filter(([command]) => !endless(command)).map((args) => ({ args, env })));
    for (const args of watch) ends.push(await watched(test, args, { env, meanwhile: stopsOnceItRuns }));
    for (const { code, all } of ends) {
      expect([69, 143]).toContain(code);
      expect(secretsIn(all)).toEqual([]);
    }
  });

  it("when there is no login to Azure", async (test) => {
    const env = { AZURE_STORAGE_KEY: "", AZURE_STORAGE_SAS_TOKEN: "", AZURE_AUTHORITY_HOST: "https://127.0.0.1:1/" };
    const { code, err, all } = await watched(test, ["ls", "--verbose", ...AT], { env });
    expect([69, 77]).toContain(code);
    expect(err).toContain("EnvironmentCredential");
    expect(secretsIn(all)).toEqual([]);
  });

  it("when a login to Azure brings a token", async (test) => {
    const identity = createServer((_request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ access_token: SECRETS["the token"], expires_in: "3600", token_type: "Bearer" }));
    });
    await new Promise<void>((resolve) => identity.listen(0, "127.0.0.1", resolve));
    test.onTestFinished(() => void identity.close().closeAllConnections());
    const AZURE_POD_IDENTITY_AUTHORITY_HOST = `http://127.0.0.1:${(identity.address() as AddressInfo).port}`;
    const env = {
      AZURE_STORAGE_KEY: "",
      AZURE_STORAGE_SAS_TOKEN: "",
      AZURE_TENANT_ID: "",
      AZURE_POD_IDENTITY_AUTHORITY_HOST,
    };
    const { code, err, all } = await watched(test, ["ls", "--verbose", "--endpoint", "https://127.0.0.1:1/", ...AT], {
      env,
    });
    expect({ code, err }).toEqual({
      code: 69,
      err: expect.stringContaining("no answer from 127.0.0.1:1: ECONNREFUSED"),
    });
    expect(secretsIn(all)).toEqual([]);
  });

  it("in help and misuse", async () => {
    const ends = await allPrinted(MISUSE);
    expect(ends).toHaveLength(MISUSE.length);
    for (const [at, { code, all }] of ends.entries()) {
      expect([MISUSE[at], code]).toEqual([MISUSE[at], expect.toBeOneOf([0, 64])]);
      expect(secretsIn(all)).toEqual([]);
    }
  });

  it("when a SAS lets in", async (test) => {
    const permissions = ContainerSASPermissions.parse("rwl");
    const { search } = new URL(
      await container.generateSasUrl({ expiresOn: new Date(Date.now() + 86_400_000), permissions }),
    );
    const signature = new URLSearchParams(search).get("sig") ?? "";
    expect(signature).not.toBe("");
    const env = { AZURE_STORAGE_KEY: "", AZURE_STORAGE_SAS_TOKEN: search };
    for (const args of [COMMANDS[0] ?? [], ["ls", "--json", "--verbose", ...AT]]) {
      const { code, all } = await watched(test, [args[0] ?? "", "--endpoint", proxy.url, ...args.slice(1)], { env });
      expect(code).toBe(0);
      expect(secretsIn(all, { ...SECRETS, "the signature that lets in": signature })).toEqual([]);
    }
  });

  it("when a lock is lost, and the watchdog has none of them either", async (test) => {
    const mutex = storage.mutex(container.containerName);
    let environment: string | undefined;
    const meanwhile = async (cli: Cli): Promise<void> => {
      await cli.printed(/job/);
      environment = readFileSync(`/proc/${await watchdogOf(cli.pid)}/environ`, "utf8");
      await mutex.break("lost", { periodSeconds: 0 });
    };
    const job = ["--", "sh", "-c", "echo job; exec sleep 600"];
    const { code, err, all } = await watched(test, ["run", "lost", "--lease", "15s", "--verbose", ...AT, ...job], {
      env: letIn,
      meanwhile,
    });
    expect({ code, err }).toEqual({ code: 79, err: expect.stringContaining("the command was stopped") });
    expect(secretsIn(all)).toEqual([]);
    expect(environment).toBe("");
  });
});

describe("and none was to be seen meanwhile", () => {
  it("on the command line of any process of the machine", () => {
    const lines = [...linesSeen];
    for (const [command = ""] of COMMANDS) {
      expect(lines.some((line) => line.includes(`dist/cli/main.js\0${command}\0`))).toBe(true);
    }
    expect(secretsIn(lines.join("\n"))).toEqual([]);
  });
});

describe("the search for secrets itself", () => {
  it.for(Object.keys(SECRETS))("finds %s in every form", (name) => {
    const secret = SECRETS[name] ?? "";
    const written = [
      `before ${secret} after`,
      JSON.stringify({ text: `"${secret}"` }),
      `https://acme.test/?sig=${encodeURIComponent(secret)}&more`,
      Buffer.from(secret).toString("base64"),
      ...["", "a", "ab", "abc"].map((before) => Buffer.from(`${before}${secret}: after`).toString("base64")),
      Buffer.from(`ab${secret}`).toString("base64url"),
      Buffer.from(secret).toString("hex"),
    ];
    for (const text of written) expect(secretsIn(text)).toContain(name);
    expect(secretsIn("azmutex: lock on k is held by another")).toEqual([]);
  });

  it("finds one on the command line of a process", async (test) => {
    const secret = SECRETS["the client secret"] ?? "";
    const child = spawn(process.execPath, ["--eval", "setTimeout(() => undefined, 600_000)", secret], {
      stdio: "ignore",
    });
    test.onTestFinished(() => void child.kill("SIGKILL"));
    await until(() => secretsIn(commandLines()).includes("the client secret"), "it is seen");
  });

  it("finds one in what a job prints, which has the environment of the command", async (test) => {
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    const { all } = await watched(test, ["run", "k2", ...AT, "--", "sh", "-c", 'echo "$AZURE_CLIENT_SECRET"'], { env });
    expect(secretsIn(all)).toEqual(["the client secret"]);
  });
});
