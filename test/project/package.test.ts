import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

type Condition = "bun" | "module-sync" | "require" | "default";

interface Entry {
  readonly types: string;
  readonly default: string;
}

interface Manifest {
  readonly name: string;
  readonly main: string;
  readonly types: string;
  readonly typesVersions: { readonly "*": Readonly<Record<string, readonly string[]>> };
  readonly bin: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, string | Readonly<Record<Condition, Entry>>>>;
  readonly publishConfig: unknown;
  readonly scripts: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
const manifest: Manifest = JSON.parse(read("package.json"));

/**
 * All that may be published: types and code, in both module systems, with maps to the sources, which are published too;
 * and the status page.
 */
const MEANT: readonly RegExp[] = [
  /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^dist\/(?!ui\/page\/)(?:cjs\/)?(?:[\w-]+\/)*[\w-]+\.(?:js|d\.ts)(?:\.map)?$/,
  /^dist\/cjs\/package\.json$/,
  /^dist\/ui\/page\/(?:index\.html|page\.css|page\.js|licences\.txt)$/,
  /^dist\/azmutex\.1$/,
  /^src\/(?:[\w-]+\/)*[\w.-]+\.(?:tsx?|html|css|json)$/,
];
/** Not even where a pattern above lets it in. */
const NEVER: readonly RegExp[] = [/\.test\./, /(?:^|\/)(?:test|tests|node_modules)\//, /(?:^|\/)\./];

const stray = (paths: readonly string[]): string[] =>
  paths.filter((path) => !MEANT.some((pattern) => pattern.test(path)) || NEVER.some((pattern) => pattern.test(path)));

/** Keys, signatures and tokens as they look; Azurite's own key is in every documentation. */
const SECRETS: readonly RegExp[] = [
  /AccountKey=[A-Za-z0-9+/]{40,}/,
  /\bsig=[A-Za-z0-9%]{30,}/,
  /\b[A-Za-z0-9+/]{86}==/,
  /\b(?:npm|ghp|gho)_[A-Za-z0-9]{30,}/,
  /BEGIN [A-Z ]*PRIVATE KEY/,
];
const AZURITE_KEY = /Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq\/K1SZFPTOtr\/KBHBeksoGMGw==/g;

const secretsIn = (text: string): RegExp[] => {
  const rest = text.replaceAll(AZURITE_KEY, "");
  return SECRETS.filter((pattern) => pattern.test(rest));
};

function entryOf(entry: string, condition: Condition): Entry {
  const target = manifest.exports[entry];
  if (target === undefined || typeof target === "string") throw new Error(`${entry} is no module`);
  return target[condition];
}

describe("the package", () => {
  let paths: readonly string[] = [];

  beforeAll(() => {
    const { status, stdout, stderr } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: PROJECT,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`npm pack: ${stderr}`);
    paths = (JSON.parse(stdout) as { files: { path: string }[] }[]).flatMap(({ files }) =>
      files.map(({ path }) => path),
    );
  });

  it("has what is meant, and nothing else: no tests", () => {
    expect(paths.length).toBeGreaterThan(100);
    expect(stray(paths)).toEqual([]);
  });

  it("has a source for every module, and every map leads to one that is packed", () => {
    const maps = paths.filter((path) => path.endsWith(".map"));
    const astray = maps.flatMap((path) =>
      (JSON.parse(read(path)) as { sources: string[] }).sources
        .map((source) => posix.join(posix.dirname(path), source))
        .filter((source) => !paths.includes(source))
        .map((source) => `${path}: ${source}`),
    );
    expect(maps.length).toBeGreaterThan(100);
    expect(astray).toEqual([]);
  });

  it("has each module in one file of a module system, so that its classes are the same for all entries", () => {
    // The watchdog is a process of its own.
    const maps = paths.filter((path) => path.endsWith(".js.map") && !path.includes("watchdog-main"));
    for (const isCommonJs of [false, true]) {
      const sources = maps
        .filter((path) => path.startsWith("dist/cjs/") === isCommonJs)
        .flatMap((path) => (JSON.parse(read(path)) as { sources: string[] }).sources.map((source) => [path, source]))
        .map(([path = "", source = ""]) => posix.join(posix.dirname(path), source));
      expect(sources.length).toBeGreaterThan(150);
      expect(sources.filter((source, index) => sources.indexOf(source) !== index)).toEqual([]);
    }
  });

  it("has no secret in it", () => {
    expect(paths.filter((path) => secretsIn(read(path)).length > 0)).toEqual([]);
  });

  it("has a file of types and a module for every entry in both module systems, and no other entry", () => {
    expect(Object.keys(manifest.exports)).toEqual([
      ".",
      "./node-cron",
      "./store",
      "./testing",
      "./wake-ups",
      "./package.json",
    ]);
    for (const target of Object.values(manifest.exports)) {
      if (typeof target === "string") continue;
      // Bun takes the first, and Node the second, in both of its module systems, so a process has one copy; the others
      // are for tools.
      expect(Object.keys(target)).toEqual(["bun", "module-sync", "require", "default"]);
      for (const condition of Object.values(target)) {
        expect(Object.keys(condition)).toEqual(["types", "default"]);
        expect(Object.values(condition).filter((file) => !paths.includes(posix.normalize(file)))).toEqual([]);
      }
    }
    // For tools that do not read "exports".
    expect({ default: manifest.main, types: manifest.types }).toEqual(entryOf(".", "require"));
    expect(manifest.typesVersions["*"]).toEqual({
      "node-cron": [entryOf("./node-cron", "require").types],
      store: [entryOf("./store", "require").types],
      testing: [entryOf("./testing", "require").types],
      "wake-ups": [entryOf("./wake-ups", "require").types],
    });
  });

  it("has a command that Node starts", () => {
    expect(manifest.bin).toEqual({ azmutex: "dist/cli/main.js" });
    expect(paths).toContain(manifest.bin.azmutex);
    expect(read("dist/cli/main.js")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it("is published for everybody, with provenance, after everything was checked", () => {
    expect(manifest.publishConfig).toEqual({ access: "public", provenance: true });
    expect(manifest.engines.node).toMatch(/^>=20\.19$/);
    expect(manifest.scripts.prepublishOnly).toBe("npm run check && npm test && npm run test:slow");
    // Nothing that runs at the installation.
    expect(["preinstall", "install", "postinstall", "prepare"].filter((script) => script in manifest.scripts)).toEqual(
      [],
    );
  });

  it("names the SDK as a peer, and what not everybody needs as an optional one", () => {
    expect(Object.keys(manifest.peerDependencies)).toContain("@azure/storage-blob");
    expect(manifest.peerDependenciesMeta["@azure/storage-blob"]).toBeUndefined();
    for (const name of ["@azure/identity", "azurite"]) expect(manifest.peerDependenciesMeta[name]?.optional).toBe(true);
  });
});

describe("the check of the package itself", () => {
  it("lets no tests, maps of the page, or hidden files through", () => {
    const never = ["src/locker.test.ts", "dist/ui/page/app.js.map", "src/.env", "node_modules/x.js", "tsconfig.json"];
    expect(stray([...never, "dist/ui/page/page.js"])).toEqual(never);
  });

  it("sees secrets, and not Azurite's key, which is none", () => {
    const key = `${"Ab1+".repeat(21)}Ab==`;
    expect(secretsIn(`AccountKey=${key}`).length).toBeGreaterThan(0);
    expect(secretsIn(`"${key}"`).length).toBeGreaterThan(0);
    expect(secretsIn(`?sv=2024&sig=${"a1B".repeat(14)}%3D`).length).toBeGreaterThan(0);
    expect(
      secretsIn("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="),
    ).toEqual([]);
  });
});
