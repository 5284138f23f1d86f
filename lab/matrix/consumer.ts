import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { printedOn } from "../shared/child-process.ts";
import type { Runtime, SdkVersions } from "./runtimes.ts";

/** What became of one check. */
export interface Outcome {
  readonly name: string;
  /** Why it failed; undefined if it did not. */
  readonly why?: string;
  readonly ms?: number;
}

/** What the registry did not give. Nothing is wrong with the package then, and nothing was tried. */
export class NotInstalledError extends Error {}

/** Installs from the registry without running scripts and without reports. Throws {@link NotInstalledError}. */
export function npmInstall(folder: string, packages: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, JSON.stringify({ private: true, type: "module" }));
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--save-exact", "--prefer-offline"];
  try {
    execFileSync("npm", ["install", ...quiet, ...packages], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  } catch (cause) {
    throw new NotInstalledError(`npm could not install ${packages.join(", ")}`, { cause });
  }
}

/** The tarball that would be published. */
export function pack(project: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const told = execFileSync(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder],
    {
      cwd: project,
      encoding: "utf8",
    },
  );
  const [{ filename }] = JSON.parse(told) as [{ filename: string }];
  return join(folder, filename);
}

/** What the programs import, besides azmutex and its peers. */
const TOOLS = ["azurite@3.35.0"];

/** Where the programs find a blob service, and what stands in their environment besides. */
export interface Services {
  readonly connectionString: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What users of the package have installed: the tarball, and the SDK in one set of versions after the other. */
export class Packages {
  readonly #folder: string;
  readonly #tarball: string;
  readonly #programs: string;
  readonly #installed = new Map<SdkVersions, string>();

  constructor(folder: string, tarball: string, programs: string) {
    this.#folder = folder;
    this.#tarball = tarball;
    this.#programs = programs;
  }

  /** A folder with these versions, and with the programs. Runtimes with the same ones share it. */
  folderOf(sdk: SdkVersions): string {
    const installed = this.#installed.get(sdk);
    if (installed !== undefined) return installed;
    const folder = join(this.#folder, `packages-${this.#installed.size}`);
    const versions = Object.entries(sdk).map(([name, version]) => `${name}@${version}`);
    npmInstall(folder, [this.#tarball, ...versions, ...TOOLS]);
    for (const file of readdirSync(this.#programs)) copyFileSync(join(this.#programs, file), join(folder, file));
    this.#installed.set(sdk, folder);
    return folder;
  }
}

/** A user of the package under one runtime. */
export class Consumer {
  readonly #folder: string;
  readonly #start: readonly string[];

  /** Installs the runtime in `folder`. */
  constructor(folder: string, packages: Packages, runtime: Runtime) {
    npmInstall(folder, [runtime.binary]);
    this.#folder = packages.folderOf(runtime.sdk);
    this.#start = runtime.start(folder);
  }

  /** The versions that are installed. */
  get versions(): Readonly<Record<string, string>> {
    const told = execFileSync("npm", ["ls", "--json", "--depth=0"], { cwd: this.#folder, encoding: "utf8" });
    const { dependencies } = JSON.parse(told) as { dependencies: Record<string, { version: string }> };
    return Object.fromEntries(Object.entries(dependencies).map(([name, { version }]) => [name, version]));
  }

  /** The runtime's binary. */
  get program(): string {
    const [file = ""] = this.#start;
    return file;
  }

  /** What the runtime says of its version. */
  get runtimeVersion(): string {
    return execFileSync(this.program, ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";
  }

  /**
   * Runs a program of checks, itself under the runtime or, where it only starts commands, under this Node: Deno's
   * `child_process` takes a child that was sent a signal for killed by it, however it ended. Throws what it printed if
   * it ended without outcomes.
   */
  async run(program: string, services: Services, { isUnderNode = false } = {}): Promise<readonly Outcome[]> {
    const [file = "", ...args] = isUnderNode ? [process.execPath] : this.#start;
    const child = spawn(file, [...args, program], {
      cwd: this.#folder,
      env: {
        ...process.env,
        ...services.env,
        AZURE_STORAGE_CONNECTION_STRING: services.connectionString,
        MATRIX_RUNTIME: JSON.stringify(this.#start),
        NO_COLOR: "1",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const printed = printedOn(child.stdout, child.stderr);
    await new Promise((resolve) => child.on("close", resolve));
    const outcomes = [...printed().matchAll(/^MATRIX (.*)$/gm)].map(([, line = ""]) => JSON.parse(line) as Outcome);
    if (outcomes.length === 0) throw new Error(`${program} printed no outcome:\n${printed()}`);
    return outcomes;
  }
}
