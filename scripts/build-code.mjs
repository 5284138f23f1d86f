// The code of the package in few files: ES modules in dist/, CommonJS in dist/cjs/. A file costs each import and each
// start 0.4 ms, whatever is in it; one for each module, `import "azmutex"` would load 150.
import { readdirSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const project = fileURLToPath(new URL("..", import.meta.url));
const src = join(project, "src");
const dist = join(project, "dist");

const { exports } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));

/** What users import. */
const ENTRIES = Object.values(exports).flatMap(
  ({ default: module }) => /^\.\/dist\/(.*)\.js$/.exec(module?.default)?.[1] ?? [],
);
/** What starts the command, and what it then loads. */
const COMMAND = [
  "cli/main",
  "cli/command-line",
  ...readdirSync(join(src, "cli/commands")).map((file) => `cli/commands/${file.replace(/\.ts$/, "")}`),
];
/** It is a process of its own, and starts quickly as one file that shares none. */
const WATCHDOG = "cli/job/watchdog-main";

/** A source as the lists above have it: its path in src/, without the ending. */
const pathOf = (id) => relative(src, id).split(sep).join("/").replace(/\.ts$/, "");
const isOneOf = (paths) => (id) => paths.includes(pathOf(id));
const isBelow = (folder) => (id) => pathOf(id).startsWith(folder);
/** Its code has to stay in its folder: it names other files by their place beside it. */
const namesFiles = (id) => isBelow("cli/")(id) && /\bimport\.meta\.(?:url|resolve)\b/.test(readFileSync(id, "utf8"));

/**
 * The files that others share. A module goes into the first that takes it, with all that it imports, so that no file
 * imports a later one. What is imported on demand is a file of its own, at its place in src/.
 */
const SHARED = [
  { name: "library", test: isOneOf(["index"]) },
  { name: "status", test: isBelow("status/") },
  { name: "testing/contract", test: isOneOf(["testing/describe-lease-store"]) },
  { name: pathOf, test: (id) => namesFiles(id) && !isOneOf(COMMAND)(id), debugName: "places" },
  { name: "cli/command", test: isOneOf(["cli/command-line", "cli/commands/run"]) },
  { name: "cli/shared", test: isBelow("cli/"), minShareCount: 2 },
];

export async function buildCode() {
  await build([...ENTRIES, ...COMMAND], { dir: dist, format: "esm", codeSplitting: { groups: SHARED } });
  await build([WATCHDOG], { dir: dist, format: "esm", codeSplitting: false });
  // Jest takes no `import()` of a package.
  const commonJs = { format: "cjs", esModule: true, strict: true, dynamicImportInCjs: false };
  await build(ENTRIES, { dir: join(dist, "cjs"), ...commonJs, codeSplitting: { groups: SHARED } });
}

/** Where a file is that is no entry. The bundler has names of its own for what `SHARED` does not name. */
function fileOf({ name, facadeModuleId, moduleIds }) {
  const source = facadeModuleId ?? moduleIds.at(-1);
  const isNamed = source === undefined || SHARED.some((file) => file.name === name) || name.includes("/");
  return isNamed ? name : pathOf(source);
}

async function build(entries, output) {
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, join(src, `${entry}.ts`)])),
    platform: "node",
    tsconfig: join(project, "tsconfig.json"),
    transform: { target: "es2023" },
    external: (id) => !id.startsWith(".") && !isAbsolute(id),
  });
  await bundle.write({
    entryFileNames: "[name].js",
    chunkFileNames: (chunk) => `${fileOf(chunk)}.js`,
    // The sources are in the package.
    sourcemap: true,
    sourcemapExcludeSources: true,
    minifyInternalExports: false,
    // `typeof require` tells in which of the two module systems a file runs.
    polyfillRequire: false,
    ...output,
  });
}
