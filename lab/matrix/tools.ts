import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { filled, readData, type Values } from "../shared/data.ts";
import { npmInstall, type Outcome } from "./consumer.ts";
import { PLATFORM } from "./runtimes.ts";

/** A compiler, test runner, bundler or package manager that a user of the package may have: one of `tools.yaml`. */
interface Tool {
  readonly name: string;
  /** What it is installed with, besides the package. */
  readonly packages: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  /** Commands that must end with 0, as words; the first word is a program of `node_modules/.bin`, or `node`. */
  readonly commands: readonly (readonly string[])[];
}

const STRICT =
  "--noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false --target es2022 " +
  "--lib es2022,esnext.disposable --types node";

/** The types that the entries of the package export; some of those of the store are those of the main entry, too. */
function exportedTypes(project: string): Readonly<Record<string, string>> {
  const names = (file: string): string[] =>
    [...readFileSync(join(project, file), "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(
      ([, list = ""]) => list.split(",").flatMap((name) => /^(?:type )?(\w+)$/.exec(name.trim())?.[1] ?? []),
    );
  const main = names("dist/index.d.ts");
  const store = names("dist/store/index.d.ts").filter((name) => !main.includes(name));
  return {
    MAIN_TYPES: main.join(", "),
    STORE_TYPES: store.join(", "),
    TESTING_TYPES: names("dist/testing/index.d.ts").join(", "),
    WAKE_UP_TYPES: names("dist/waiting/wake-ups/adapters/index.d.ts").join(", "),
  };
}

function tools(project: string): Tool[] {
  const { texts, tools: read } = readData<{ readonly texts: Values; readonly tools: Tool[] }>("lab/matrix/tools.yaml");
  return filled(read, { ...texts, ...exportedTypes(project), PLATFORM, STRICT }).map((tool) => ({
    ...tool,
    commands: tool.commands.map((words) => words.flatMap((word) => (word === STRICT ? word.split(" ") : [word]))),
  }));
}

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
