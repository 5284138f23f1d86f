import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { npmInstall, type Outcome } from "./consumer.ts";
import { PLATFORM } from "./runtimes.ts";

/** A compiler, test runner, bundler or package manager that a user of the package may have. */
interface Tool {
  readonly name: string;
  /** What it is installed with, besides the package. */
  readonly packages: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  /** Commands that must end with 0, as words; the first word is a program of `node_modules/.bin`, or `node`. */
  readonly commands: readonly (readonly string[])[];
  /** Installs by itself, instead of by npm. */
  readonly install?: readonly (readonly string[])[];
}

const SDK = ["@azure/storage-blob@12.32.0"];
const TYPES = ["@types/node@20"];

const OPTIONS = `{ connectionString: process.env.AZURE_STORAGE_CONNECTION_STRING, containerName: "tools" }`;
/** A lock in memory and one in the emulator: the second loads the SDK on first use. */
const BODY = `
  const clock = new FakeClock();
  const inMemory = new AzureMutex({ store: new MemoryLeaseStore({ clock }), clock });
  const held = await inMemory.locker("k").lock();
  await clock.advance(3_600_000);
  if (!held.isHeld) throw new Error("not held for an hour");
  await held.release();
  const mutex = new AzureMutex(${OPTIONS});
  const answer = await mutex.locker(process.env.MATRIX_KEY ?? "k").run(() => "ran");
  if (answer !== "ran") throw new Error(String(answer));
  console.log("RAN");
`;
const IMPORT =
  `import { AzureMutex } from "azmutex";\n` + `import { FakeClock, MemoryLeaseStore } from "azmutex/testing";\n`;
const REQUIRE =
  `const { AzureMutex } = require("azmutex");\nconst { FakeClock, MemoryLeaseStore } = ` +
  `require("azmutex/testing");\n`;
const ESM = `${IMPORT}${BODY}`;
const CJS = `${REQUIRE}(async () => {${BODY}})();`;

/**
 * Ends a bundle by `process.exit` at a signal: a child process, which needs no file of the package, releases its lock.
 */
const EXIT = `
  const listener = releaseOnSignals(mutex);
  listener.signal.addEventListener("abort", () => process.exit());
  process.on("SIGTERM", () => undefined);
  await mutex.locker(process.env.MATRIX_KEY + "-exit").lock();
  setInterval(() => undefined, 1_000);
  process.kill(process.pid, "SIGTERM");
`;
const BUNDLED_ESM = `${ESM}${EXIT}`.replace("AzureMutex", "AzureMutex, releaseOnSignals");
const BUNDLED_CJS = `${REQUIRE}(async () => {${BODY}${EXIT}})();`.replace("AzureMutex", "AzureMutex, releaseOnSignals");
/**
 * Not bundled: runs the bundle, and finds that lock free. The child process has 2 s, so a busy machine gets three
 * tries.
 */
const FREE = `import { spawnSync } from "node:child_process";
  import { AzureMutex } from "azmutex";
  const mutex = new AzureMutex(${OPTIONS});
  const locker = mutex.locker(process.env.MATRIX_KEY + "-exit");
  for (let tries = 3; ; tries -= 1) {
    const { status, stderr } = spawnSync(process.execPath, [process.argv[2]], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    const lock = await locker.tryLock();
    await lock?.release();
    if (lock) break;
    if (tries === 1) throw new Error("the lock of the bundle is not free after its process.exit");
    await locker.run(() => undefined);
  }
`;
const TEST = `test("locks", async () => {${BODY}}, 60_000);\n`;

/** A program that names every type that the entries export, and uses the main ones. */
function typed(project: string): string {
  const names = (file: string): string[] =>
    [...readFileSync(join(project, file), "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(
      ([, list = ""]) => list.split(",").flatMap((name) => /^(?:type )?(\w+)$/.exec(name.trim())?.[1] ?? []),
    );
  const main = names("dist/index.d.ts");
  const testing = names("dist/testing/index.d.ts");
  // Some names are those of the main entry, too.
  const store = names("dist/store/index.d.ts").filter((name) => !main.includes(name));
  const wakeUps = names("dist/waiting/wake-ups/adapters/index.d.ts");
  return `import type { ${main.join(", ")} } from "azmutex";
import type { ${store.join(", ")} } from "azmutex/store";
import type { ${testing.join(", ")} } from "azmutex/testing";
import type { ${wakeUps.join(", ")} } from "azmutex/wake-ups";
export type { ${[...main, ...store, ...testing, ...wakeUps].join(", ")} };
import * as azmutex from "azmutex";
export async function work(purpose: string | undefined, signal: AbortSignal | undefined): Promise<number> {
  const connectionString = "UseDevelopmentStorage=true";
  const mutex = new azmutex.AzureMutex({ connectionString, containerName: "locks", log: undefined });
  const locker = mutex.locker("k", { purpose, leaseSeconds: undefined });
  const rename = (lock: azmutex.Lock, id: string): string => id + lock.key;
  await azmutex.exclusive(rename, { mutex, key: (id) => id, busy: () => "busy" })("b");
  try {
    return await locker.run((lock) => lock.remainingMs, { signal, timeoutMs: undefined });
  } catch (error) {
    if (azmutex.isMutexError(error) && error.code === "LOCK_LOST") return error.why.length;
    throw error;
  } finally {
    await new azmutex.Semaphore(mutex, "p", { permits: 2 }).acquire().then((permit) => permit.release());
  }
}
`;
}

const STRICT = [
  "--noEmit",
  "--strict",
  "--exactOptionalPropertyTypes",
  "--skipLibCheck",
  "false",
  "--target",
  "es2022",
];
const LIB = ["--lib", "es2022,esnext.disposable", "--types", "node"];

function typeScript(version: string, project: string): Tool {
  const code = typed(project);
  const check = (file: string, module: string, resolution?: string): string[] => [
    "tsc",
    ...STRICT,
    ...LIB,
    "--module",
    module,
    ...(resolution === undefined ? [] : ["--moduleResolution", resolution]),
    ...(version.startsWith("6") && resolution === "node10" ? ["--ignoreDeprecations", "6.0"] : []),
    file,
  ];
  const is7 = version.startsWith("7");
  return {
    name: `TypeScript ${version}, \`skipLibCheck: false\`: node16, nodenext, bundler${is7 ? "" : ", node10"}`,
    packages: [`typescript@${version}`, ...TYPES, ...SDK],
    files: { "esm.mts": code, "cjs.cts": code, "plain.ts": code },
    commands: [
      check("esm.mts", "node16"),
      check("cjs.cts", "node16"),
      check("esm.mts", "nodenext"),
      check("cjs.cts", "nodenext"),
      check("esm.mts", "esnext", "bundler"),
      ...(is7 ? [] : [check("plain.ts", "commonjs", "node10")]),
    ],
  };
}

function tools(project: string): Tool[] {
  return [
    ...["5.2", "5.4", "5.7", "5.9", "6.0", "7.0"].map((version) => typeScript(version, project)),
    {
      name: "Node 18, which is too old, is named where a mutex is constructed",
      packages: [`node-${PLATFORM}@18`, ...SDK],
      files: {
        "a.mjs": `import { AzureMutex } from "azmutex";
          try {
            new AzureMutex({ connectionString: "UseDevelopmentStorage=true", containerName: "tools" });
            throw new Error("it was constructed");
          } catch (error) {
            if (!error.message.startsWith("azmutex needs Node.js 20.19 or newer")) throw error;
          }`,
      },
      commands: [[`../node-${PLATFORM}/bin/node`, "a.mjs"]],
    },
    {
      name: "Jest, CommonJS",
      packages: ["jest@30", ...SDK],
      files: { "a.test.cjs": `${REQUIRE}${TEST}` },
      commands: [["jest", "--testMatch", "**/*.test.cjs"]],
    },
    {
      name: "Jest, ES modules",
      packages: ["jest@30", ...SDK],
      files: { "a.test.mjs": `${IMPORT}${TEST}` },
      commands: [
        ["node", "--experimental-vm-modules", "node_modules/jest/bin/jest.js", "--testMatch", "**/*.test.mjs"],
      ],
    },
    {
      name: "ts-jest",
      packages: ["jest@30", "ts-jest@29", "typescript@5.9", "@types/jest@30", ...TYPES, ...SDK],
      files: {
        "package.json": JSON.stringify({ private: true }),
        "a.test.ts": `${IMPORT}${TEST}`,
        "jest.config.js": 'module.exports = { preset: "ts-jest", testEnvironment: "node" };',
        "tsconfig.json": JSON.stringify({
          compilerOptions: {
            module: "commonjs",
            target: "es2022",
            strict: true,
            esModuleInterop: true,
            types: ["node", "jest"],
          },
        }),
      },
      commands: [["jest"]],
    },
    {
      name: "Vitest",
      packages: ["vitest@4", ...SDK],
      files: { "a.test.ts": `import { test } from "vitest";\n${IMPORT}${TEST}` },
      commands: [["vitest", "run"]],
    },
    { name: "tsx", packages: ["tsx@4", ...SDK], files: { "a.ts": ESM }, commands: [["tsx", "a.ts"]] },
    {
      name: "esbuild, to ES modules and to CommonJS",
      packages: ["esbuild@0.28", ...SDK],
      files: { "a.mjs": BUNDLED_ESM, "b.cjs": BUNDLED_CJS, "free.mjs": FREE },
      commands: [
        // The SDK's dependencies are CommonJS in part, and call require.
        ["esbuild", "a.mjs", "--bundle", "--platform=node", "--format=esm", "--outfile=out.mjs", REQUIRE_BANNER],
        ["node", "free.mjs", "out.mjs"],
        ["esbuild", "b.cjs", "--bundle", "--platform=node", "--format=cjs", "--outfile=out.cjs"],
        ["node", "free.mjs", "out.cjs"],
      ],
    },
    {
      name: "rolldown",
      packages: ["rolldown@1", ...SDK],
      files: { "a.mjs": BUNDLED_ESM, "free.mjs": FREE },
      commands: [
        ["rolldown", "a.mjs", "--platform", "node", "--format", "esm", "--dir", "out"],
        ["node", "free.mjs", "out/a.js"],
      ],
    },
    {
      name: "webpack",
      packages: ["webpack@5", "webpack-cli@7", ...SDK],
      files: {
        "b.cjs": BUNDLED_CJS,
        "free.mjs": FREE,
        "webpack.config.cjs":
          'module.exports = { mode: "production", target: "node20", entry: "./b.cjs", ' +
          'output: { path: __dirname + "/out", filename: "main.cjs" } };',
      },
      commands: [
        ["webpack", "--config", "webpack.config.cjs", "--fail-on-warnings"],
        ["node", "free.mjs", "out/main.cjs"],
      ],
    },
    {
      name: "pnpm",
      packages: ["pnpm@10"],
      files: { "app/package.json": JSON.stringify({ private: true }), "app/a.mjs": ESM, "app/b.cjs": CJS },
      commands: [
        ["pnpm", "--dir", "app", "add", "--ignore-scripts", "TARBALL", ...SDK],
        ["node", "app/a.mjs"],
        ["node", "app/b.cjs"],
      ],
    },
    {
      name: "yarn with Plug'n'Play",
      packages: ["@yarnpkg/cli-dist@4"],
      files: {
        "app/package.json": JSON.stringify({
          private: true,
          dependencies: { azmutex: "file:TARBALL", "@azure/storage-blob": "12.32.0" },
        }),
        "app/yarn.lock": "",
        "app/.yarnrc.yml":
          "enableTelemetry: false\nenableScripts: false\nenableImmutableInstalls: false\nnpmRegistryServer: REGISTRY\n",
        "app/a.mjs": ESM,
        "app/b.cjs": CJS,
      },
      commands: [
        ["yarn", "--cwd", "app", "install"],
        ["yarn", "--cwd", "app", "node", "a.mjs"],
        ["yarn", "--cwd", "app", "node", "b.cjs"],
      ],
    },
  ];
}

const REQUIRE_BANNER =
  `--banner:js=import { createRequire as requireOf } from "node:module"; const require = ` +
  "requireOf(import.meta.url);";

/** The names of all tools. */
export function toolNames(project: string): string[] {
  return tools(project).map(({ name }) => name);
}

/** Tries each tool in a folder of its own. */
export function tryTools(
  project: string,
  folder: string,
  tarball: string,
  connectionString: string,
  only: string | undefined,
): Outcome[] {
  const wanted = tools(project).filter(
    ({ name }) => only === undefined || name.toLowerCase().includes(only.toLowerCase()),
  );
  return wanted.map((tool, index) => {
    const began = performance.now();
    const why = failureOf(tool, join(folder, `tool-${index}`), { tarball, connectionString, key: `tool-${index}` });
    return { name: tool.name, ...(why !== undefined && { why }), ms: Math.round(performance.now() - began) };
  });
}

interface Scene {
  readonly tarball: string;
  readonly connectionString: string;
  readonly key: string;
}

/** What its first command that failed said, in short; undefined if none did. */
function failureOf(
  { packages, files, commands }: Tool,
  folder: string,
  { tarball, connectionString, key }: Scene,
): string | undefined {
  const place = (text: string): string => text.replaceAll("TARBALL", tarball).replaceAll("REGISTRY", registry());
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), place(text));
  }
  npmInstall(folder, [...packages, ...(files["app/package.json"] === undefined ? [tarball] : [])]);
  const env = {
    ...process.env,
    AZURE_STORAGE_CONNECTION_STRING: connectionString,
    MATRIX_KEY: key,
    NO_COLOR: "1",
    CI: "true",
  };
  for (const [word = "", ...args] of commands) {
    const file = word === "node" ? process.execPath : join(folder, "node_modules/.bin", word);
    const { status, stdout, stderr } = spawnSync(file, args.map(place), {
      cwd: folder,
      env,
      encoding: "utf8",
      timeout: 180_000,
    });
    if (status !== 0) return `${word} ${args.slice(0, 6).join(" ")}: ${firstLines(`${stdout}${stderr}`)}`;
  }
  return undefined;
}

function firstLines(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(0, 4)
    .join(" ⏎ ")
    .slice(0, 400);
}

/** yarn does not read npm's configuration. */
function registry(): string {
  return spawnSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).stdout.trim();
}
