// Makes the package in dist/ from the compiled modules in build/modules/: a module for each door of it, the code that doors share beside them, and a file of types for either import.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { rolldown } from "rolldown";
import { minify, parseSync, Visitor } from "rolldown/utils";

const project = fileURLToPath(new URL("..", import.meta.url));
const modules = join(project, "build/modules");
const dist = join(project, "dist");

/** Where each door stands in dist/, and the module that it is made of. */
const doors = {
  index: "index.js",
  "testing/index": "testing/index.js",
  "cli/main": "cli/main.js",
  // A program of its own, which the command starts as its neighbour.
  "cli/watchdog-main": "cli/job/watchdog-main.js",
  // The status page's, which no other command loads.
  "ui/server": "ui/serve.js",
};

rmSync(dist, { recursive: true, force: true });

const bundle = await rolldown({
  input: Object.fromEntries(Object.entries(doors).map(([door, module]) => [door, join(modules, module)])),
  external: /^[^./]/,
  platform: "node",
});
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  // The command stands beside its watchdog, which it starts by this place.
  chunkFileNames: ({ name }) => (name === "command-line" ? "cli/[name].js" : "shared/[name].js"),
  codeSplitting: {
    groups: [
      { name: "locks", test: /[\\/]build[\\/]modules[\\/](?!cli|testing|facts|ui)/ },
      { name: "facts", test: /[\\/]build[\\/]modules[\\/]facts/ },
    ],
  },
  // Names and lines stay as they were written: a stack trace at three in the morning is to be read without a map.
  minify: false,
  comments: { legal: false, annotation: false, jsdoc: false },
});

// The command says what is wrong in a line, and a test shows where it fails: what is theirs alone may be short. Functions and classes keep their names.
const LIBRARY = ["index.js", "shared/locks.js"];
for (const { fileName } of output) {
  const file = join(dist, fileName);
  if (LIBRARY.includes(fileName)) {
    writeFileSync(file, lean(fileName, readFileSync(file, "utf8")));
    continue;
  }
  const names = { function: true, class: true };
  const options = { module: true, compress: { keepNames: names }, mangle: { toplevel: true, keepNames: names } };
  const { code } = await minify(fileName, readFileSync(file, "utf8"), options);
  writeFileSync(file, code);
}

for (const door of ["index", "testing/index"]) {
  const { succeeded } = Extractor.invoke(
    ExtractorConfig.prepare({
      configObjectFullPath: join(project, "api-extractor.json"),
      packageJsonFullPath: join(project, "package.json"),
      configObject: {
        ...ExtractorConfig.loadFile(join(project, "api-extractor.json")),
        mainEntryPointFilePath: join(modules, `${door}.d.ts`),
        apiReport: { enabled: false },
        dtsRollup: { enabled: true, untrimmedFilePath: join(dist, `${door}.d.ts`) },
      },
    }),
    {
      localBuild: true,
      messageCallback: (message) => {
        message.handled = message.logLevel === "info";
      },
    },
  );
  if (!succeeded) process.exit(1);
}

// What both imports speak of is declared once, by the first.
const declarations = (door) => readFileSync(join(dist, `${door}.d.ts`), "utf8").split(/\n\n(?=\S)/);
const namesIn = (declaration, how) => declaration.match(new RegExp(`(?<=^${how} (?:abstract )?(?:class|interface|type) )\\w+`, "m")) ?? [];
const exported = new Set(declarations("index").flatMap((declaration) => namesIn(declaration, "export declare")));
const shared = [];
const own = declarations("testing/index").filter((declaration) => {
  const found = namesIn(declaration, "declare").filter((name) => exported.has(name));
  shared.push(...found);
  return found.length === 0;
});
writeFileSync(join(dist, "testing/index.d.ts"), [`import type { ${shared.join(", ")} } from "../index.js";`, ...own].join("\n\n"));

/** A line is found by its number, and any editor puts the tabs back: they are a thirtieth of what is packed. Nor does it matter where each module was built. */
function lean(name, code) {
  const { program } = parseSync(name, code);
  new Visitor({
    TemplateElement: ({ value }) => {
      if (value.raw.includes("\n")) throw new Error(`${name} has a text of several lines, which would lose its indentation`);
    },
  }).visit(program);
  return code.replaceAll(/^\t+/gm, "").replaceAll("// build/modules/", "// ").replaceAll("/* @__PURE__ */ ", "");
}
