// Runs every check that needs no test, one line each; the output of a check is shown when it fails.
import { spawnSync } from "node:child_process";

const checks = [
  ["build", "TypeScript compiles src/ to dist/"],
  ["lint", "formatting, lint and import rules (biome)"],
  ["typecheck", "types of src, test, lab and examples (tsc)"],
  ["unused", "no unused files, exports or dependencies (knip)"],
  ["api", "public API as recorded in docs/api/ (api-extractor)"],
  ["package:publint", "package.json agrees with what is packed (publint)"],
  ["package:types", "the package's types resolve for ESM users (attw)"],
  ["lockfile", "lockfile: names no registry, has hashes and all platforms"],
];

let failed = 0;
for (const [script, what] of checks) {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", script], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: Infinity,
    shell: process.platform === "win32",
  });
  const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${what.padEnd(58)} ${took.padStart(6)}   npm run ${script}`);
  if (status !== 0) {
    failed += 1;
    console.log(`${stdout}${stderr}`.trimEnd().replace(/^/gm, "        "));
  }
}
console.log(failed === 0 ? `All ${checks.length} checks passed.` : `${failed} of ${checks.length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
