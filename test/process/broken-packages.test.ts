import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";
import { afterAll, describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const folder = mkdtempSync(join(tmpdir(), "azmutex-broken-"));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await storage[Symbol.asyncDispose]();
});

const packages = join(folder, "node_modules");
for (const part of ["dist", "package.json"])
  cpSync(join(PROJECT, part), join(packages, "azmutex", part), { recursive: true });
for (const name of ["commander", "@azure/logger", "@opentelemetry/api"]) link(name);

function link(name: string): void {
  mkdirSync(dirname(join(packages, name)), { recursive: true });
  symlinkSync(join(PROJECT, "node_modules", name), join(packages, name));
}

/** Installs a package of that name whose one module is this code; undefined takes it away. */
function install(name: string, code: string | undefined): void {
  rmSync(join(packages, name), { recursive: true, force: true });
  if (code === undefined) return;
  mkdirSync(join(packages, name), { recursive: true });
  writeFileSync(
    join(packages, name, "package.json"),
    JSON.stringify({ name, version: "12.0.0", type: "module", main: "index.js" }),
  );
  writeFileSync(join(packages, name, "index.js"), code);
}

interface End {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function node(
  args: readonly string[],
  { env = {}, files }: { env?: Record<string, string>; files?: number } = {},
): Promise<End> {
  const limited = ["-c", `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, ...args];
  const [file, given] = files === undefined ? [process.execPath, args] : ["bash", limited];
  const { PATH = "" } = process.env;
  return new Promise((resolve) => {
    const child = execFile(file, given, { cwd: folder, env: { PATH, HOME: tmpdir(), ...env } }, (_, out, err) => {
      resolve({ status: child.exitCode, out: out.trim(), err: err.trim() });
    });
  });
}

const program = (code: string) => [
  "--input-type=module",
  "--eval",
  `import { AzureMutex, isMutexError } from "azmutex"; const STORAGE = process.env.STORAGE ?? ` +
    `"UseDevelopmentStorage=true"; ${code}`,
];
const locking = program(`
  const mutex = new AzureMutex({ connectionString: STORAGE, containerName: "locks" });
  for (const _ of [1, 2]) {
    const failed = await mutex.locker("k").lock().catch((error) => isMutexError(error) ? error : {});
    const { code, message, isMissing, cause } = failed;
    console.log(JSON.stringify({ code, message, isMissing, cause: cause?.message.split("\\n")[0] }));
  }`);

const WITHOUT: readonly [name: string, code: string | undefined, why: RegExp][] = [
  ["is not installed", undefined, /^needs the package NAME: npm install NAME$/],
  [
    "lacks one of its own dependencies",
    'import "@azure/core-not-there"; export class ContainerClient {}',
    /^cannot load the package NAME: Cannot find package '@azure\/core-not-there' imported from \S+ \(Node\.js v\S+\)$/,
  ],
  [
    "does not run on this Node",
    "export class ContainerClient { static x = (() => { throw new TypeError('union is not a function'); })(); }",
    /^cannot load the package NAME: union is not a function \(Node\.js v\S+\)$/,
  ],
  [
    "cannot be parsed by this Node",
    "export const = 1;",
    /^cannot load the package NAME: Unexpected token '=' \(Node\.js v\S+\)$/,
  ],
];

const named = (why: RegExp, name: string): RegExp => new RegExp(why.source.replaceAll("NAME", name));

describe("the SDK", () => {
  it.each(WITHOUT)("that %s is told with a code, the cause, and by the command in one line", async (_, code, why) => {
    install("@azure/storage-blob", code);
    const expected = named(why, "@azure/storage-blob");
    const { out } = await node(locking);
    const told = out.split("\n").map((line) => JSON.parse(line));
    for (const error of told) {
      expect(error).toMatchObject({ code: "SDK_NOT_LOADED", isMissing: code === undefined });
      expect(error.message.replace(/^azmutex /, "")).toMatch(expected);
      expect(error.cause).toBeTruthy();
    }
    expect(told).toHaveLength(2);
    const { status, err } = await node([
      "node_modules/azmutex/dist/cli/main.js",
      "run",
      "k",
      "--emulator",
      "--",
      "true",
    ]);
    expect(status).toBe(64);
    expect(err.replace(/^azmutex: /, "")).toMatch(expected);
  });

  it.runIf(process.platform !== "win32")(
    "that cannot be opened for want of file descriptors is waited for, and found when there are some",
    async () => {
      install("@azure/storage-blob", undefined);
      link("@azure/storage-blob");
      // All, and then so many that `import` would not be enough of, but `require` is.
      const starving = program(`
      import { closeSync, openSync } from "node:fs";
      const mutex = new AzureMutex({ connectionString: STORAGE, containerName: "locks" });
      const files = [];
      try { for (;;) files.push(openSync("/dev/null", "r")); } catch {}
      const { code, cause } = await mutex.locker("files").lock({ timeoutMs: 500 }).catch((error) => error);
      console.log(code, cause?.code, cause?.cause?.code);
      for (const file of files.splice(0, 40)) closeSync(file);
      console.log(await mutex.locker("files").run(() => "works"));
      for (const file of files) closeSync(file);
      const another = new AzureMutex({ connectionString: STORAGE, containerName: "locks" });
      console.log(await another.locker("files").run(() => "works"));`);
      const { out, err } = await node(starving, { env: { STORAGE: storage.emulator.connectionString }, files: 256 });
      expect({ out, err }).toEqual({ out: "LOCK_TIMEOUT STORE_UNAVAILABLE EMFILE\nworks\nworks", err: "" });
    },
  );
});

describe("the package that logs in to Azure", () => {
  it.each(WITHOUT)("that %s is told by the command in one line", async (_, code, why) => {
    install("@azure/identity", code);
    rmSync(join(packages, "@azure/storage-blob"), { recursive: true, force: true });
    link("@azure/storage-blob");
    const env = { AZURE_STORAGE_ACCOUNT: "acme" };
    const { status, err } = await node(["node_modules/azmutex/dist/cli/main.js", "run", "k", "--", "true"], { env });
    expect(status).toBe(64);
    const text = err.replace(/^azmutex: /, "");
    if (code === undefined) expect(text).toMatch(/takes the package @azure\/identity: npm install @azure\/identity$/);
    else expect(text).toMatch(named(why, "@azure/identity"));
  });
});

describe("a bundle of the command", () => {
  it("is refused before anything is locked, since the watchdog's program is not in it", async () => {
    const bundle = await rolldown({ input: join(PROJECT, "dist/cli/main.js"), platform: "node", logLevel: "silent" });
    // As deep as in the package, below another one's manifest.
    await bundle.write({ dir: join(folder, "app/dist/cli"), entryFileNames: "main.mjs", chunkFileNames: "[name].mjs" });
    for (const manifest of [undefined, JSON.stringify({ name: "app", version: "1.0.0" })]) {
      if (manifest !== undefined) writeFileSync(join(folder, "app/package.json"), manifest);
      const ran = await node(["app/dist/cli/main.mjs", "run", "k", "--emulator", "--", "sh", "-c", "echo it ran"]);
      const says =
        "azmutex: could not be loaded: the command is started from the installed package, as " +
        "node_modules/.bin/azmutex: it cannot be bundled";
      expect(ran).toEqual({ status: 70, out: "", err: says });
    }
  });
});

describe("the client of --wake-ups", () => {
  const run = (url: string): Promise<End> =>
    node(["node_modules/azmutex/dist/cli/main.js", "run", "k", "--emulator", "--", "true"], {
      env: { AZMUTEX_WAKE_UPS: url },
    });

  it.each([
    ["redis://:hunter2@host", "Redis", "neither ioredis nor redis is", "ioredis"],
    ["postgres://user:hunter2@host/db", "PostgreSQL", "pg is not", "pg"],
    ["nats://user:hunter2@host", "NATS", "neither @nats-io/transport-node nor nats is", "@nats-io/transport-node"],
  ])("that is not installed is named before anything is asked: %s", async (url, server, lacks, first) => {
    expect(await run(url)).toEqual({
      status: 64,
      out: "",
      err: `azmutex: wake-ups over ${server} take a client, and ${lacks} installed here: npm install ${first}`,
    });
  });

  it("that cannot be loaded is said to be so", async () => {
    install("redis", "export const = 1;");
    const { status, err } = await run("rediss://:hunter2@host");
    expect(status).toBe(64);
    expect(err).toMatch(/^azmutex: cannot load the package redis: Unexpected token '=' \(Node\.js v\S+\)$/);
    install("redis", undefined);
  });
});
