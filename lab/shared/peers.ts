import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PROJECT } from "./project.ts";

const PEERS = fileURLToPath(new URL("lab/shared/peers/", PROJECT));
const COMPILER = fileURLToPath(new URL("node_modules/typescript/bin/tsc", PROJECT));

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

/**
 * Installs the other libraries where they are not, and compiles the adapters. Returns why the libraries cannot be had,
 * if so.
 */
export function preparePeers(): string | undefined {
  const missing = isInstalled() ? undefined : installed();
  const { status, stdout } = spawnSync(process.execPath, [COMPILER, "-p", PEERS], { encoding: "utf8" });
  // Without the libraries their adapters do not compile; ours does.
  if (status !== 0 && missing === undefined) throw new Error(`the adapters do not compile:\n${stdout}`);
  return missing;
}

/** Where the adapter of a library is, once it is compiled. */
export function adapterOf(module: string): string {
  return new URL(`lab/shared/peers/build/${module}.js`, PROJECT).href;
}

/** The version that is locked. */
export function versionOf(name: string): string {
  const { packages } = lockfile("package-lock.json");
  return packages[`node_modules/${name}`]?.version ?? "of no known version";
}

/** npm keeps the same list of what it has installed. */
function isInstalled(): boolean {
  try {
    const there = lockfile("node_modules/.package-lock.json").packages;
    const wanted = Object.entries(lockfile("package-lock.json").packages).filter(([path]) => path !== "");
    return wanted.every(([path, { version }]) => there[path]?.version === version);
  } catch {
    return false;
  }
}

function installed(): string | undefined {
  const { status, stderr, error } = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: PEERS, encoding: "utf8" });
  if (status === 0) return undefined;
  const reason = error?.message ?? /npm error (?:code )?(.*)/.exec(stderr)?.[1] ?? `npm ci ended with ${status}`;
  return `the packages could not be installed (${reason})`;
}

function lockfile(path: string): Lockfile {
  return JSON.parse(readFileSync(`${PEERS}${path}`, "utf8")) as Lockfile;
}
