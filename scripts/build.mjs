// Makes the package in dist/ from the compiled modules in build/modules/: a module for each door of it, the code that doors share beside them, and a file of types for either import.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { rolldown } from "rolldown";
import { minify } from "rolldown/utils";

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
  chunkFileNames: "shared/[name].js",
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

// The command says what is wrong in a line, and tests are read where they fail: their own code may be short. Functions and classes keep their names.
for (const { fileName } of output) {
  if (!/^(cli|testing|ui)\//.test(fileName)) continue;
  const file = join(dist, fileName);
  const { code } = await minify(fileName, readFileSync(file, "utf8"), {
    module: true,
    compress: false,
    mangle: { toplevel: true, keepNames: true },
  });
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
