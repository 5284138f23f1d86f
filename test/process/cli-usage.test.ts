import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerSASPermissions } from "@azure/storage-blob";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { gone } from "../../lab/shared/processes.ts";
import { Cli, type CliEnd, type CliOptions } from "../support/cli.ts";
import { PROJECT } from "../support/sources.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());
const STORAGE = { AZURE_STORAGE_CONNECTION_STRING: storage.proxy.connectionString };
const { accountName, accountKey } = storage.emulator;
const KEY = Buffer.alloc(64, 7).toString("base64");
/** No server listens there. */
const NOWHERE = "https://127.0.0.1:1/";

const end = (test: TestContext, args: readonly string[], options?: CliOptions): Promise<CliEnd> =>
  new Cli(test, args, options).ended;

/** What it says that cannot go on: one line, on standard error alone. */
async function refusal(
  test: TestContext,
  args: readonly string[],
  exitCode: number,
  env: Readonly<Record<string, string>> = STORAGE,
) {
  const { code, out, err, ...times } = await end(test, args, { env });
  expect({ code, out }).toEqual({ code: exitCode, out: "" });
  expect(err).toMatch(/^azmutex: [^\n]+\n(?:\([^\n]+\)\n)?$/);
  return { text: err.slice("azmutex: ".length).trimEnd(), ...times };
}

const NEVER_RUN = ["--", "sh", "-c", "echo it ran"];
const DURATION = "It must be a number with a unit, up to 500h: 250ms, 30s, 5m, 1h.";
const LEASE = "--lease must be whole seconds from 15s to 60s, not";
const CONTAINER =
  "--container must be 3 to 63 lower-case letters, digits and single hyphens, neither first nor last a hyphen, not";

/** What is typed, and all that is said. Each of them is refused before a request is made. */
const MISUSE: readonly (readonly [args: readonly string[], text: string])[] = [
  [["statsu", "k"], "unknown command 'statsu'\n(Did you mean status?)"],
  [["frobnicate"], "unknown command 'frobnicate'"],
  [["ru\u001b[31m\n"], "unknown command 'ru\\x1b[31m\\x0a'"],
  [["run", "k", "--tmeout", "3s", ...NEVER_RUN], "unknown option '--tmeout'\n(Did you mean --timeout?)"],
  [["status", "k", "--jsno"], "unknown option '--jsno'\n(Did you mean --json?)"],
  [["run", "k", "--\u001b[31m", ...NEVER_RUN], "unknown option '--\\x1b[31m'"],
  [["run", "k", "--account-key", "abc", ...NEVER_RUN], "unknown option '--account-key'"],
  [["status"], "missing required argument 'key'"],
  [["status", "a", "b"], "too many arguments for 'status'. Expected 1 argument but got 2."],

  ...["30", "5 s", "-1s", "1d", "1e3s", "", "600h"].map(
    (text) =>
      [
        ["run", "k", "--timeout", text, ...NEVER_RUN],
        `option '--timeout <duration>' argument '${text}' is invalid. ${DURATION}`,
      ] as const,
  ),
  [
    ["run", "k", "--timeout", "30s\nx", ...NEVER_RUN],
    `option '--timeout <duration>' argument '30s\\x0ax' is invalid. ${DURATION}`,
  ],
  [["run", "k", "--timeout", ...NEVER_RUN], `option '--timeout <duration>' argument '--' is invalid. ${DURATION}`],
  [["run", "k", "--lease", "14s", ...NEVER_RUN], `${LEASE} 14s`],
  [["run", "k", "--lease", "61s", ...NEVER_RUN], `${LEASE} 61s`],
  [["run", "k", "--lease", "2m", ...NEVER_RUN], `${LEASE} 2m`],
  [["elect", "k", "--lease", "20.5s", ...NEVER_RUN], `${LEASE} 20.5s`],
  [
    ["run", "k", "--grace", "20s", ...NEVER_RUN],
    "--grace must be at most 12s with a lease of 30s, not 20s: the command would be stopped before the first renewal was answered",
  ],
  [
    ["run", "k", "--lease", "15s", "--grace", "5001ms", ...NEVER_RUN],
    "--grace must be at most 5s with a lease of 15s, not 5001ms: the command would be stopped before the first renewal was answered",
  ],
  [["watch", "--every", "10ms"], "option '--every <duration>' argument '10ms' is invalid. It must be at least 500ms."],

  [["run", "", ...NEVER_RUN], 'key "" is empty'],
  [["run", "a\\b", ...NEVER_RUN], 'key "a\\\\b" has a backslash, which URLs turn into a slash'],
  [["run", "a/../b", ...NEVER_RUN], 'key "a/../b" has a segment "." or "..", which URLs resolve'],
  [["status", ".azmutex/x"], 'key ".azmutex/x" is in ".azmutex/", which azmutex keeps for itself'],
  [
    ["break", "k".repeat(1_025), "--yes"],
    `key "${"k".repeat(97)}…" has 1025 characters; a blob's name has at most 1024`,
  ],
  [
    ["elect", "a\n\u001b[31m", ...NEVER_RUN],
    'key "a\\n\\u001b[31m" has a character that cannot stand in a blob\'s name',
  ],
  [["leader", "a\u007fb"], 'key "a\\x7fb" has a character that cannot stand in a blob\'s name'],
  [["ls", "a\\"], 'prefix must be the beginning of a key, not "a\\\\"'],
  [["run", "k", "--container", "Locks", ...NEVER_RUN], `${CONTAINER} "Locks"`],
  [["ls", "--container", "a"], `${CONTAINER} "a"`],
  [["ls", "--container", ""], `${CONTAINER} ""`],

  [["run", "k"], 'say what to run, after "--": azmutex run k -- ./job.sh'],
  [["run", "k", "--"], 'say what to run, after "--": azmutex run k -- ./job.sh'],
  [["elect", "k\u001b[31m", "--fair"], "say what to run, after \"--\": azmutex elect 'k\\x1b[31m' -- ./job.sh"],
  [["run", "k", "./job.sh", "a b"], "what to run stands after \"--\": azmutex run k -- ./job.sh 'a b'"],
  ...[
    [["k", "./job.sh", "--fast"], "k -- ./job.sh --fast"],
    [["k", "--try", "./job.sh", "--try"], "k --try -- ./job.sh --try"],
    [
      ["--timeout", "5m", "--lease=15s", "k", "-v", "sh", "-c", "exit 3"],
      "--timeout 5m --lease=15s k -v -- sh -c 'exit 3'",
    ],
    [["-vv", "k", "sh", "-c", "exit 3"], "-vv k -- sh -c 'exit 3'"],
    [["k", "node", "--version"], "k -- node --version"],
    [["k", "ls", "-h"], "k -- ls -h"],
    [["k", "--purpose", "a b", "ls", "--help"], "k --purpose 'a b' -- ls --help"],
    [["k", "a", "b", "c", "d", "e"], "k -- a b c d ..."],
  ].map(([args = [], line]) => [["run", ...args], `what to run stands after "--": azmutex run ${line}`] as const),
  [["elect", "k", "--fair", "./job.sh", "-V"], 'what to run stands after "--": azmutex elect k --fair -- ./job.sh -V'],
  [["run", "k", "--tmeout", "3s", "./job.sh"], "unknown option '--tmeout'\n(Did you mean --timeout?)"],
  [["run", "--", "./job.sh"], 'the key is missing before "--": azmutex run <key> -- ./job.sh'],
  [["elect", "--", "a", "b", "c", "d", "e"], 'the name is missing before "--": azmutex elect <name> -- a b c d ...'],
  [["run", "k", "x", "y", "--", "./job.sh"], 'one key stands before "--", and not also x y: azmutex run k -- ./job.sh'],

  [["run", "--", "-k", "--"], 'say what to run, after "--": azmutex run -- -k -- ./job.sh'],
  [["status", "-k"], "unknown option '-k'\n(A key that begins with a dash stands after \"--\": azmutex status -- -k)"],
  [
    ["leader", "-a b"],
    "unknown option '-a b'\n(A name that begins with a dash stands after \"--\": azmutex leader -- '-a b')",
  ],
  [
    ["ls", "--deploy"],
    "unknown option '--deploy'\n(A prefix that begins with a dash stands after \"--\": azmutex ls -- --deploy)",
  ],
  [
    ["run", "-k", ...NEVER_RUN],
    "unknown option '-k'\n(A key that begins with a dash stands after \"--\": azmutex run -- -k -- ./job.sh)",
  ],
  [["status", "-x", "k"], "unknown option '-x'"],
  [["status", "k", "-x"], "unknown option '-x'"],

  [
    ["run", "k", "--try", "--timeout", "3s", ...NEVER_RUN],
    "option '--try' cannot be used with option '--timeout <duration>'",
  ],
  [["run", "k", "--read", "--write", ...NEVER_RUN], "option '--read' cannot be used with option '--write'"],
  [
    ["run", "k", "--write", "--semaphore", "3", ...NEVER_RUN],
    "option '--write' cannot be used with option '--semaphore <permits>'",
  ],
  [["ls", "--emulator", "--account", "acme"], "option '--emulator' cannot be used with option '--account <name>'"],
  ...["0", "1001", "x", "-1", "1.5"].map(
    (text) =>
      [
        ["run", "k", "--semaphore", text, ...NEVER_RUN],
        `option '--semaphore <permits>' argument '${text}' is invalid. It must be a whole number from 1 to 1000.`,
      ] as const,
  ),
  ...["-1", "256", "x", ""].map(
    (text) =>
      [
        ["run", "k", "--try", "--held-exit-code", text, ...NEVER_RUN],
        `option '--held-exit-code <number>' argument '${text}' is invalid. It must be a whole number from 0 to 255.`,
      ] as const,
  ),
  [["leader", "k", "--watch", "--exit-code"], "option '--exit-code' cannot be used with option '--watch'"],
  [["run", "k", "--holder", "", ...NEVER_RUN], "--holder must be a string of 1 to 256 characters, not one of 0"],
  [
    ["run", "k", "--purpose", "x".repeat(1_025), ...NEVER_RUN],
    "--purpose must be a string of 1 to 1024 characters, not one of 1025",
  ],
  [
    ["elect", "k", "--candidate", "", ...NEVER_RUN],
    "--candidate must be a string of 1 to 256 characters, not one of 0",
  ],
  [
    ["elect", "k", "--data", "x".repeat(4_096), ...NEVER_RUN],
    "--data must take at most 4096 bytes as a JSON string in ASCII, not 4098",
  ],
  [["break", "k"], "there is no terminal to ask on whether to break the lock: say --yes"],
];

describe.concurrent("a bad command line is refused", () => {
  it.for(MISUSE)("%j", async ([args, text], test) => {
    expect((await refusal(test, args, 64)).text).toBe(text);
  });
});

const NO_ACCOUNT =
  "no storage account: set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or a login to Azure, or use --emulator";
const connectionString = (text: string): Record<string, string> => ({ AZURE_STORAGE_CONNECTION_STRING: text });
const account = (
  name: string,
  rest: Readonly<Record<string, string>> = { AZURE_STORAGE_KEY: KEY },
): Record<string, string> => ({
  AZURE_STORAGE_ACCOUNT: name,
  ...rest,
});
const SAS = { AZURE_STORAGE_SAS_TOKEN: "?sv=2021&sig=c2ln" };

/** The environment, what stands on the command line, and all that is said. */
const MISCONNECTED: readonly (readonly [
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  text: string,
])[] = [
  [{}, [], NO_ACCOUNT],
  [connectionString(""), [], NO_ACCOUNT],
  [{ AZURE_STORAGE_KEY: KEY }, [], NO_ACCOUNT],
  [connectionString("rubbish"), [], "AZURE_STORAGE_CONNECTION_STRING is malformed: every part must be Name=value"],
  [
    connectionString("AccountName=acme"),
    [],
    "AZURE_STORAGE_CONNECTION_STRING lacks AccountKey or SharedAccessSignature",
  ],
  [connectionString(`AccountKey=${KEY}`), [], "AZURE_STORAGE_CONNECTION_STRING lacks AccountName or BlobEndpoint"],
  [
    connectionString("AccountName=acme;AccountKey=not/base64!"),
    [],
    "AccountKey in AZURE_STORAGE_CONNECTION_STRING must be the account's key in base64",
  ],
  [
    connectionString(`AccountName=Acme!;AccountKey=${KEY}`),
    [],
    'AccountName in AZURE_STORAGE_CONNECTION_STRING must be 3 to 24 lower-case letters and digits, not "Acme!"',
  ],
  [
    connectionString(`BlobEndpoint=acme;AccountName=acme;AccountKey=${KEY}`),
    [],
    "BlobEndpoint in AZURE_STORAGE_CONNECTION_STRING must be a URL",
  ],
  [
    connectionString(`BlobEndpoint=http://acme.test/;AccountName=acme;AccountKey=${KEY}`),
    [],
    "BlobEndpoint in AZURE_STORAGE_CONNECTION_STRING is plain http to acme.test, which is not this machine; use https, or say --allow-http",
  ],
  [
    connectionString("BlobEndpoint=https://acme.test/;SharedAccessSignature=sv=2021"),
    [],
    "SharedAccessSignature in AZURE_STORAGE_CONNECTION_STRING has no signature (sig)",
  ],
  [
    connectionString("BlobEndpoint=https://acme.test/own;SharedAccessSignature=sv=2021&sig=c2ln"),
    [],
    '--container ("locks") and the container in AZURE_STORAGE_CONNECTION_STRING ("own") differ',
  ],
  ...[{ AZURE_STORAGE_KEY: KEY }, SAS, {}].map(
    (secret) =>
      [
        account("Acme", secret),
        [],
        '--account (or AZURE_STORAGE_ACCOUNT) must be 3 to 24 lower-case letters and digits, not "Acme"',
      ] as const,
  ),
  ...["Locks", "a"].map(
    (container) =>
      [
        { ...account("acme"), AZMUTEX_CONTAINER: container },
        [],
        `${CONTAINER.replace("--container", "AZMUTEX_CONTAINER")} "${container}"`,
      ] as const,
  ),
  [{ ...account("acme"), AZMUTEX_CONTAINER: "b" }, ["--container", "a"], `${CONTAINER} "a"`],
  [account("acme", { AZURE_STORAGE_KEY: "aGV5x" }), [], "AZURE_STORAGE_KEY must be the account's key in base64"],
  [
    { AZURE_STORAGE_KEY: KEY },
    ["--endpoint", "https://acme.test"],
    "AZURE_STORAGE_KEY needs --account (or AZURE_STORAGE_ACCOUNT)",
  ],
  [account("acme", { AZURE_STORAGE_SAS_TOKEN: "sv=2021" }), [], "AZURE_STORAGE_SAS_TOKEN has no signature (sig)"],
  ...[{ AZURE_STORAGE_KEY: KEY }, SAS].flatMap((secret) => [
    [
      account("acme", secret),
      ["--endpoint", "acme.test"],
      '--endpoint must be a URL such as https://acme.blob.core.windows.net, not "acme.test"',
    ] as const,
    [account("acme", secret), ["--endpoint", "ftp://acme.test"], "--endpoint must be an https URL, not ftp:"] as const,
    [
      account("acme", secret),
      ["--endpoint", "http://acme.test"],
      "--endpoint is plain http to acme.test, which is not this machine; use https, or say --allow-http",
    ] as const,
    [
      account("acme", secret),
      ["--endpoint", "https://acme.test/?sv=2021&sig=c2ln"],
      "--endpoint must be a URL without query or password; a SAS goes into AZURE_STORAGE_SAS_TOKEN",
    ] as const,
  ]),
  ...[{ AZURE_STORAGE_KEY: KEY }, {}].map(
    (secret) =>
      [
        account("acme", secret),
        ["--endpoint", "https://acme.blob.core.windows.net/own"],
        '--endpoint must end with the account, and names more: write --endpoint "https://acme.blob.core.windows.net" --container "own"',
      ] as const,
  ),
  [
    connectionString(`BlobEndpoint=https://acme.test/own;AccountName=acme;AccountKey=${KEY}`),
    [],
    'BlobEndpoint in AZURE_STORAGE_CONNECTION_STRING must end with the account, and names more: write BlobEndpoint=https://acme.test and --container "own"',
  ],
  [
    connectionString(`"AccountName=acme;AccountKey=${KEY}"`),
    [],
    "AZURE_STORAGE_CONNECTION_STRING begins or ends with a quotation mark: leave it out",
  ],
  [
    connectionString(`AccountName="acme";AccountKey=${KEY}`),
    [],
    "AccountName in AZURE_STORAGE_CONNECTION_STRING has a quotation mark: leave it out",
  ],
  [
    account("acme", SAS),
    ["--endpoint", "https://acme.test/own/k"],
    "--endpoint must be that of a container or an account, and names more than a container",
  ],
  [
    account("acme", { AZURE_STORAGE_SAS_TOKEN: '"sv=2021&sig=c2ln"' }),
    [],
    "AZURE_STORAGE_SAS_TOKEN has a quotation mark: leave it out",
  ],
  [
    account("acme", SAS),
    ["--endpoint", "https://acme.test/own"],
    '--container ("locks") and the container in --endpoint ("own") differ',
  ],
  [
    account("acme", {}),
    ["--endpoint", "http://127.0.0.1:1/"],
    "--endpoint must be https with a credential: Entra tokens are never sent in the clear, as to 127.0.0.1:1",
  ],
];

describe.concurrent("what names no storage account is refused", () => {
  it.for(MISCONNECTED)("with %j and %j", async ([env, args, text], test) => {
    expect((await refusal(test, ["run", ...args, "k", ...NEVER_RUN], 64, env)).text).toBe(text);
  });

  it("by the other commands too", async (test) => {
    const commands = [
      ["elect", "k", ...NEVER_RUN],
      ["leader", "k"],
      ["status", "k"],
      ["ls"],
      ["watch"],
      ["break", "k", "--yes"],
    ];
    const refusals = await Promise.all(commands.map((args) => refusal(test, args, 64, {})));
    expect(refusals.map(({ text }) => text)).toEqual(commands.map(() => NO_ACCOUNT));
  });
});

describe("nothing of that", () => {
  it("made a request", () => {
    expect(storage.proxy.requests).toEqual([]);
  });
});

describe.concurrent("a short option", () => {
  it.for([
    [["-h"], ["--help"]],
    [
      ["run", "-h"],
      ["run", "--help"],
    ],
    [["-V"], ["--version"]],
  ] as const)("%j is %j", async ([short, long], test) => {
    const [{ ms: _, ownMs: __, ...shortEnd }, { ms: ___, ownMs: ____, ...longEnd }] = await Promise.all([
      end(test, short),
      end(test, long),
    ]);
    expect(shortEnd).toEqual(longEnd);
    expect(shortEnd).toMatchObject({ code: 0, err: "" });
  });
});

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

  it("is said by a connection string; by account, key and endpoint; or by a SAS with or without its question mark", async (test) => {
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

  it("is said by the command line before the environment: account and endpoint make a connection string count for nothing", async (test) => {
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
  ])("ends %j with 77", async (args, test) => {
    const { text } = await refusal(test, args, 77, connectionString(wrong));
    expect(text).toMatch(
      /^could not \w+(?: ".*")? in \S+\/devstoreaccount1\/locks: the credentials were refused: 403 AuthorizationFailure(?:: Server failed to authenticate the request \(is the key, or the SAS, right\?\))?; azmutex doctor says more$/,
    );
  });
});

describe.concurrent("storage that cannot be reached", () => {
  const env = account("acme");

  it.for([["run", "k", "--try", ...NEVER_RUN], ["status", "k"], ["ls"], ["break", "k", "--yes"], ["leader", "k"]])(
    "ends %j, which asks once, with 69 and long before one that waits would",
    async ([command = "", ...args], test) => {
      const { text, ownMs } = await refusal(test, [command, "--endpoint", NOWHERE, ...args], 69, env);
      expect(text).toMatch(
        /^could not \w+(?: ".*")? in \S+\/locks: no answer from 127\.0\.0\.1:1: ECONNREFUSED \(nothing listens there/,
      );
      expect(ownMs).toBeLessThan(15_000);
    },
  );

  it("ends a command that waits with 69 at its time-out, and not as if the lock were held", async (test) => {
    const { text } = await refusal(test, ["run", "--endpoint", NOWHERE, "k", "--timeout", "3s", ...NEVER_RUN], 69, env);
    expect(text).toMatch(
      /^lock on "k" in \S+\/locks was not free within 3s, and 127\.0\.0\.1:1 does not answer: ECONNREFUSED \(nothing listens there/,
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

/** The package as it is installed with these beside it, and no others. */
function installed(packages: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "azmutex-installed-"));
  for (const part of ["dist", "package.json"]) cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, "node_modules/@azure"), { recursive: true });
  for (const name of packages) symlinkSync(join(PROJECT, "node_modules", name), join(folder, "node_modules", name));
  return folder;
}

describe.concurrent("a login to Azure", () => {
  /** None of this machine's, not even by the files of a home. */
  const loggedOut = account("acme", { HOME: tmpdir(), PATH: "/nowhere" });
  const HOW_TO =
    "log in with az login, run with a managed or workload identity, or set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN (--verbose says what was tried)";

  it("takes a package, and says which", async (test) => {
    const folder = installed(["commander", "@azure/storage-blob"]);
    test.onTestFinished(() => rmSync(folder, { recursive: true }));
    const { code, out, err } = await end(test, ["run", "k", ...NEVER_RUN], {
      cli: join(folder, "dist/cli/main.js"),
      env: loggedOut,
    });
    expect({ code, out, err }).toEqual({
      code: 64,
      out: "",
      err: "azmutex: neither AZURE_STORAGE_KEY nor AZURE_STORAGE_SAS_TOKEN is set, and a login to Azure takes the package @azure/identity: npm install @azure/identity\n",
    });
  });

  it("is not the only thing that takes a package", async (test) => {
    const folder = installed(["commander"]);
    test.onTestFinished(() => rmSync(folder, { recursive: true }));
    const commands = [["run", "k", ...NEVER_RUN], ["elect", "k", ...NEVER_RUN], ["ls"]];
    const ends = await Promise.all(
      commands.map((args) => end(test, args, { cli: join(folder, "dist/cli/main.js"), env: STORAGE })),
    );
    const err = "azmutex: needs the package @azure/storage-blob: npm install @azure/storage-blob\n";
    expect(ends).toMatchObject(commands.map(() => ({ code: 64, out: "", err })));
  });

  it.for([
    ["run", "k", ...NEVER_RUN],
    ["elect", "k", ...NEVER_RUN],
    ["status", "k"],
  ])(
    "that was not made is missed by %j with 77 and in one line, which is not that of one that does not answer",
    async (args, test) => {
      expect((await refusal(test, args, 77, loggedOut)).text).toBe(`not logged in to Azure: ${HOW_TO}`);
    },
  );

  it.for(["--verbose", "-v"])("says with %s what was tried", async (verbose, test) => {
    const { code, err } = await end(test, ["ls", verbose], { env: loggedOut });
    expect(code).toBe(77);
    expect(err).toContain("azmutex: CredentialUnavailableError: Azure CLI could not be found.");
    expect(err.trimEnd().split("\n").at(-1)).toBe(`azmutex: not logged in to Azure: ${HOW_TO}`);
  });

  it("that does not answer is waited for, but not for ever", async (test) => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    test.onTestFinished(() => void silent.close().closeAllConnections());
    const host = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { text } = await refusal(test, ["run", "k", ...NEVER_RUN], 69, {
      ...loggedOut,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: host,
    });
    expect(text).toBe(`no answer to the login to Azure within 20 s: ${HOW_TO}`);
  });

  it("of a kind that there is not is bad usage", async (test) => {
    const { text } = await refusal(test, ["ls"], 64, { ...loggedOut, AZURE_TOKEN_CREDENTIALS: "nonsense" });
    expect(text).toMatch(
      /^no login to Azure with these variables: Invalid value for AZURE_TOKEN_CREDENTIALS = nonsense\./,
    );
  });
});

describe.concurrent("a defect of azmutex", () => {
  it("ends it with 70 and one line, and the job with it", async (test) => {
    const folder = mkdtempSync(join(tmpdir(), "azmutex-defect-"));
    test.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const now = join(folder, "now");
    const defect = `
      import { existsSync } from "node:fs";
      const look = () => { if (existsSync(process.env.DEFECT)) { throw new TypeError("x is not\\na function"); } };
      setInterval(look, 50).unref();
    `;
    const run = new Cli(test, ["run", "defective", "--", "sh", "-c", "echo $$; exec sleep 600"], {
      env: { ...STORAGE, DEFECT: now },
      through: [process.execPath, "--import", `data:text/javascript,${encodeURIComponent(defect)}`],
    });
    const pid = Number((await run.printed(/^\d+$/m))[0]);
    writeFileSync(now, "");
    const { code, err } = await run.ended;
    expect(code).toBe(70);
    expect(err).toBe(
      "azmutex: internal error, a defect of azmutex that should be reported: TypeError: x is not\\x0aa function\n",
    );
    await gone([pid]);
  });
});
