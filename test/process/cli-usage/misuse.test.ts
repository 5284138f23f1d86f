import { beforeAll, describe, expect, it } from "vitest";
import { type CommandLine, type LineEnd, runLines } from "../../support/command-lines.ts";
import { account, connectionString, end, KEY, NEVER_RUN, refusal, refusedBy, STORAGE, storage } from "./storage.ts";

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
    "--grace must be at most 12s with a lease of 30s, not 20s: the command would be stopped " +
      "before the first renewal was answered",
  ],
  [
    ["run", "k", "--lease", "15s", "--grace", "5001ms", ...NEVER_RUN],
    "--grace must be at most 5s with a lease of 15s, not 5001ms: the command would be stopped " +
      "before the first renewal was answered",
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

/** What comes of each line, by the place in the list. */
function endsOf(lines: readonly CommandLine[]): (at: number) => LineEnd {
  let ends: readonly LineEnd[] = [];
  beforeAll(async () => {
    ends = await runLines(lines);
  });
  return (at) => ends[at] ?? { code: Number.NaN, out: "", err: "", ownMs: 0 };
}

describe("a bad command line is refused", () => {
  const endOf = endsOf(MISUSE.map(([args]) => ({ args, env: STORAGE })));

  it.for(MISUSE.map(([args, text], at) => [args, text, at] as const))("%j", ([, text, at]) => {
    expect(refusedBy(endOf(at), 64)).toBe(text);
  });

  it.concurrent.for(MISUSE.filter((_, at) => at % 20 === 0))(
    "%j in a process of its own, too",
    async ([args, text], test) => {
      expect((await refusal(test, args, 64)).text).toBe(text);
    },
  );
});

const NO_ACCOUNT =
  "no storage account: set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with " +
  "AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or a login to Azure, or use --emulator";
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
    "BlobEndpoint in AZURE_STORAGE_CONNECTION_STRING is plain http to acme.test, which is not this " +
      "machine; use https, or say --allow-http",
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
        "--endpoint must end with the account, and names more: write --endpoint " +
          '"https://acme.blob.core.windows.net" ' +
          '--container "own"',
      ] as const,
  ),
  [
    connectionString(`BlobEndpoint=https://acme.test/own;AccountName=acme;AccountKey=${KEY}`),
    [],
    "BlobEndpoint in AZURE_STORAGE_CONNECTION_STRING must end with the account, and names more: write " +
      'BlobEndpoint=https://acme.test and --container "own"',
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

describe("what names no storage account is refused", () => {
  const endOf = endsOf(MISCONNECTED.map(([env, args]) => ({ args: ["run", ...args, "k", ...NEVER_RUN], env })));

  it.for(MISCONNECTED.map(([env, args, text], at) => [env, args, text, at] as const))(
    "with %j and %j",
    ([, , text, at]) => {
      expect(refusedBy(endOf(at), 64)).toBe(text);
    },
  );

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
