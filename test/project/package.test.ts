import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

interface Manifest {
  readonly name: string;
  readonly main?: unknown;
  readonly bin: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly publishConfig: unknown;
  readonly repository?: { readonly url: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
const manifest: Manifest = JSON.parse(read("package.json"));

/** All that may be published: the doors, what they share, their types; for the status page whatever its folder has. */
const MEANT: readonly RegExp[] = [
  /^(?:package\.json|README\.md|LICENSE)$/,
  /^dist\/(?:index|testing\/index)\.(?:js|d\.ts)$/,
  /^dist\/cli\/(?:main|command-line|watchdog-main)\.js$/,
  /^dist\/shared\/[\w-]+\.js$/,
  /^dist\/ui\/.+$/,
];
/** Whatever the pattern above lets in. */
const NEVER: readonly RegExp[] = [/\.map$/, /(?<!\.d)\.[cm]?tsx?$/, /\.test\./, /(?:^|\/)(?:test|tests|src|node_modules)\//, /(?:^|\/)\./];

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
    paths = (JSON.parse(stdout) as { files: { path: string }[] }[]).flatMap(({ files }) => files.map(({ path }) => path));
  });

  it("has what is meant, and nothing else: no tests, no sources, no source maps", () => {
    expect(paths.length).toBeGreaterThan(8);
    expect(stray(paths)).toEqual([]);
    const linked = paths.filter((path) => /\.(?:js|d\.ts)$/.test(path) && read(path).includes("sourceMappingURL"));
    expect(linked).toEqual([]);
  });

  it("has no secret in it", () => {
    expect(paths.filter((path) => secretsIn(read(path)).length > 0)).toEqual([]);
  });

  it("has a file of types and a module for every entry, and for nothing else", () => {
    expect(Object.keys(manifest.exports)).toEqual([".", "./testing", "./package.json"]);
    for (const [entry, target] of Object.entries(manifest.exports)) {
      const targets = typeof target === "string" ? [target] : [target.types, target.default];
      for (const file of targets) expect([entry, paths.includes(posix.normalize(file))]).toEqual([entry, true]);
      if (typeof target !== "string") expect(Object.keys(target)).toEqual(["types", "default"]);
    }
    const types = paths.filter((path) => path.endsWith(".d.ts"));
    const named = Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [] : [posix.normalize(target.types)]));
    expect(types.filter((path) => !path.startsWith("dist/ui/")).sort()).toEqual(named.sort());
    // Nothing beside it that tools would look at as well, and no pattern that lets more in.
    expect(manifest.main).toBeUndefined();
    expect(Object.keys(manifest.exports).filter((entry) => entry.includes("*"))).toEqual([]);
  });

  it("imports what is packed with it, what it depends on, or Node's own, in code and in types", () => {
    const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]);
    const modules = paths.filter((path) => /\.(?:js|d\.ts)$/.test(path) && !path.startsWith("dist/ui/"));
    const missing = modules.flatMap((path) =>
      importsOf(read(path))
        .filter((specifier) => {
          if (specifier.startsWith("node:")) return false;
          if (specifier.startsWith(".")) return !paths.includes(posix.join(posix.dirname(path), specifier));
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
    // Nothing that runs at whoever installs it.
    expect(["preinstall", "install", "postinstall", "prepare"].filter((script) => script in manifest.scripts)).toEqual([]);
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
    "dist/index.js.map",
    "dist/index.ts",
    "dist/locker.d.ts",
    "src/index.ts",
    "test/unit/locker.test.ts",
    "dist/ui/page.test.js",
    "dist/ui/page.js.map",
    "dist/ui/src/page.ts",
    "dist/ui/.env",
    "package-lock.json",
    ".npmrc",
  ])("does not let %s through", (path) => {
    expect(stray([path])).toEqual([path]);
  });

  it("lets the files of the status page through", () => {
    expect(stray(["dist/ui/page.js", "dist/ui/page.css", "dist/ui/index.html", "dist/ui/fonts/sans.woff2"])).toEqual([]);
  });

  it("sees secrets, and not Azurite's key, which is none", () => {
    const key = `${"Ab1+".repeat(21)}Ab==`;
    expect(secretsIn(`AccountKey=${key}`).length).toBeGreaterThan(0);
    expect(secretsIn(`"${key}"`).length).toBeGreaterThan(0);
    expect(secretsIn(`?sv=2024&sig=${"a1B".repeat(14)}%3D`).length).toBeGreaterThan(0);
    expect(secretsIn("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")).toEqual([]);
  });

  it("sees what is imported", () => {
    expect(
      importsOf(`import { a } from "x";\nexport * from './y.js';\nconst z = await import("@z/z/deep");\nimport a, {\n b,\n} from "w";`),
    ).toEqual(["x", "./y.js", "w", "@z/z/deep"]);
    expect(packageOf("@z/z/deep")).toBe("@z/z");
  });
});
