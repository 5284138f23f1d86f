// Makes the package in dist/: what tsc writes of each module, as ES modules in dist/ and as CommonJS in dist/cjs/, the
// status page and the manual page.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildMan } from "./build-man.mjs";
import { buildPage } from "./build-page.mjs";

const project = fileURLToPath(new URL("..", import.meta.url));
const dist = join(project, "dist");
const tsc = join(project, "node_modules/typescript/bin/tsc");

rmSync(dist, { recursive: true, force: true });
for (const config of ["tsconfig.build.json", "tsconfig.cjs.json"]) {
  const { status } = spawnSync(process.execPath, [tsc, "-p", config], { cwd: project, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
// The package is "type": "module"; below this file, .js is CommonJS.
writeFileSync(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
await buildPage();
await buildMan(dist);
