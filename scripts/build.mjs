// Makes the package in dist/: its types and its code, as ES modules in dist/ and as CommonJS in dist/cjs/, the status
// page and the manual page. Does nothing where dist/ is that already.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { upToDate } from "./up-to-date.mjs";

const project = fileURLToPath(new URL("..", import.meta.url));
const dist = join(project, "dist");
const tsc = join(project, "node_modules/typescript/bin/tsc");
const CONFIGS = ["tsconfig.build.json", "tsconfig.cjs.json"];

const state = upToDate({
  sources: ["src", "scripts", "package.json", "package-lock.json", "tsconfig.json", ...CONFIGS].map((path) =>
    join(project, path),
  ),
  made: dist,
  record: join(project, "build/dist-is-made"),
});

if (!state.isMade()) {
  rmSync(dist, { recursive: true, force: true });
  for (const config of CONFIGS) {
    const { status } = spawnSync(process.execPath, [tsc, "-p", config], { cwd: project, stdio: "inherit" });
    if (status !== 0) process.exit(1);
  }
  // The package is "type": "module"; below this file, .js is CommonJS.
  writeFileSync(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
  const { buildCode } = await import("./build-code.mjs");
  await buildCode();
  const { buildPage } = await import("./build-page.mjs");
  await buildPage();
  const { buildMan } = await import("./build-man.mjs");
  await buildMan(dist);
  state.remember();
}
