import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
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
  readonly repository?: { readonly url: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
const manifest: Manifest = JSON.parse(read("package.json"));

/**
 * All that may be published: what tsc writes of each module, twice, with maps to the sources, which are published too;
 * and the status page.
 */
const MEANT: readonly RegExp[] = [
  /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^dist\/(?!ui\/page\/)(?:cjs\/)?(?:[\w-]+\/)*[\w-]+\.(?:js|d\.ts)(?:\.map)?$/,
  /^dist\/cjs\/package\.json$/,
  /^dist\/ui\/page\/(?:index\.html|page\.css|page\.js|licences\.txt)$/,
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

/** The names that an entry's declarations export. They are re-exports, one by one. */
const exportsIn = (declarations: string): { name: string; isType: boolean }[] =>
  [...declarations.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, all, names = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => ({ name: name.replace(/^type /, ""), isType: all !== undefined || name.startsWith("type ") })),
  );

/** What a module takes from others. */
const importsOf = (code: string): string[] => [
  ...[...code.matchAll(/^(?:import|export)\b[^;'"]*?\bfrom\s*["']([^"']+)["']/gm)].map(([, from = ""]) => from),
  ...[...code.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g)].map(([, from = ""]) => from),
];

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

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

  it("keeps the comments of its sources, in code and in types", () => {
    for (const path of ["dist/locks/locker.js", "dist/locks/locker.d.ts", "dist/cjs/locks/locker.js"])
      expect(read(path)).toMatch(/^\/\*\*/m);
  });

  it("has no secret in it", () => {
    expect(paths.filter((path) => secretsIn(read(path)).length > 0)).toEqual([]);
  });

  it("has a file of types and a module for every entry in both module systems, and no other entry", () => {
    expect(Object.keys(manifest.exports)).toEqual([".", "./store", "./testing", "./package.json"]);
    for (const [entry, target] of Object.entries(manifest.exports)) {
      if (typeof target === "string") continue;
      // Bun takes the first, and Node the second, in both of its module systems, so a process has one copy; the others
      // are for tools.
      expect(Object.keys(target)).toEqual(["bun", "module-sync", "require", "default"]);
      for (const condition of Object.values(target)) {
        expect(Object.keys(condition)).toEqual(["types", "default"]);
        for (const file of Object.values(condition))
          expect([entry, paths.includes(posix.normalize(file))]).toEqual([entry, true]);
      }
    }
    // For tools that do not read "exports".
    expect(manifest.main).toBe(entryOf(".", "require").default);
    expect(manifest.types).toBe(entryOf(".", "require").types);
    expect(manifest.typesVersions["*"]).toEqual({
      store: [entryOf("./store", "require").types],
      testing: [entryOf("./testing", "require").types],
    });
  });

  it.each([
    [".", 10],
    ["./store", 0],
    ["./testing", 3],
  ])("has at run time every value that the types of %s declare, in both module systems", async (entry, least) => {
    for (const condition of ["module-sync", "require"] as const) {
      const { types, default: file } = entryOf(entry, condition);
      const declared = exportsIn(read(types));
      const values = declared.filter(({ isType }) => !isType).map(({ name }) => name);
      const module: object = await import(pathToFileURL(join(PROJECT, file)).href);
      expect(declared.length).toBeGreaterThan(10);
      expect(values.length).toBeGreaterThanOrEqual(least);
      expect(
        Object.keys(module)
          .filter((name) => !["default", "module.exports", "__esModule"].includes(name))
          .sort(),
      ).toEqual(values.sort());
    }
  });

  it("imports what is packed with it, what it depends on, or Node's own, in code and in types", () => {
    const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]);
    const modules = paths.filter((path) => /^dist\/.*\.(?:js|d\.ts)$/.test(path) && !path.startsWith("dist/ui/page/"));
    const missing = modules.flatMap((path) =>
      importsOf(read(path))
        .filter((specifier) => {
          if (specifier.startsWith("node:")) return false;
          // Declarations name the source, as tsc leaves it; every version of TypeScript finds the declaration beside
          // it.
          const file = path.endsWith(".d.ts") ? specifier.replace(/\.ts$/, ".d.ts") : specifier;
          if (specifier.startsWith(".")) return !paths.includes(posix.join(posix.dirname(path), file));
          return !declared.has(packageOf(specifier));
        })
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(modules.flatMap((path) => importsOf(read(path))).length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });

  it("has a command that Node starts", () => {
    expect(Object.keys(manifest.bin)).toEqual(["azmutex"]);
    for (const file of Object.values(manifest.bin)) {
      expect(paths).toContain(file);
      expect(read(file)).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });

  it("is published for everybody, with provenance, after everything was checked", () => {
    expect(manifest.publishConfig).toEqual({ access: "public", provenance: true });
    expect(manifest.engines.node).toMatch(/^>=20\.19$/);
    expect(manifest.scripts.prepublishOnly).toBe("npm run check && npm test");
    // Nothing that runs at the installation.
    expect(["preinstall", "install", "postinstall", "prepare"].filter((script) => script in manifest.scripts)).toEqual(
      [],
    );
  });

  it("says where it lives, or CONTRIBUTING says what is missing before it can be published", () => {
    const publishing = /^## Publishing\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(read("CONTRIBUTING.md"))?.[1] ?? "";
    expect(publishing).toContain("provenance");
    const { repository } = manifest;
    if (repository === undefined) expect(publishing).toContain("`repository`");
    else expect(repository.url).toMatch(/^git\+https:\/\//);
  });

  it("names the SDK as a peer, and what not everybody needs as an optional one", () => {
    expect(Object.keys(manifest.peerDependencies)).toContain("@azure/storage-blob");
    expect(manifest.peerDependenciesMeta["@azure/storage-blob"]).toBeUndefined();
    for (const name of ["@azure/identity", "azurite"]) expect(manifest.peerDependenciesMeta[name]?.optional).toBe(true);
  });
});

describe("the check of the package itself", () => {
  it.each([
    "test/unit/locker.test.ts",
    "dist/locker.test.js",
    "src/locker.test.ts",
    "dist/ui/page/app.js.map",
    "dist/ui/page/.env",
    "src/.env",
    "node_modules/x/index.js",
    "package-lock.json",
    "tsconfig.json",
    ".npmrc",
  ])("does not let %s through", (path) => {
    expect(stray([path])).toEqual([path]);
  });

  it("lets the files of the status page through", () => {
    expect(stray(["dist/ui/page/page.js", "dist/ui/page/page.css", "dist/ui/page/index.html"])).toEqual([]);
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

  it("sees what is imported", () => {
    expect(
      importsOf(
        `import { a } from "x";\nexport * from './y.js';\nconst z = await import("@z/z/deep");\nimport a, {\n b,\n} from "w";`,
      ),
    ).toEqual(["x", "./y.js", "w", "@z/z/deep"]);
    expect(packageOf("@z/z/deep")).toBe("@z/z");
  });
});
