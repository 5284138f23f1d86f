// Runs every check that needs no test, one line each; the output of a check is shown when it fails.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";

// What the others need.
const BUILD = ["build", "TypeScript compiles src/ to dist/"];
// Most of them use one core, so these run at once, the longest first.
const CHECKS = [
  [["api", "public API as recorded in docs/api/ (api-extractor)"]],
  [["lint", "formatting, lint and import rules (biome)"]],
  // Both pack the package in this folder, so one after the other.
  [
    ["package:publint", "package.json agrees with what is packed (publint)"],
    ["package:types", "the package's types resolve for ESM users (attw)"],
  ],
  [["typecheck", "types of src, test, lab and examples (tsc)"]],
  [["words", "plain subjects, and columns, of every line (house)"]],
  [["unused", "no unused files, exports or dependencies (knip)"]],
  [["lockfile", "lockfile: names no registry, has hashes and all platforms"]],
];
/** More would only take the cores from each other. */
const MOST_AT_ONCE = 4;

let failed = 0;

async function check([script, what]) {
  const began = performance.now();
  const child = spawn("npm", ["run", "--silent", script], {
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [status] = await once(child, "close");
  const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${what.padEnd(58)} ${took.padStart(6)}   npm run ${script}`);
  if (status === 0) return;
  failed += 1;
  console.log(output.trimEnd().replace(/^/gm, "        "));
}

await check(BUILD);
const left = [...CHECKS];
async function checkOnes() {
  for (let group = left.shift(); group; group = left.shift()) for (const one of group) await check(one);
}
await Promise.all(Array.from({ length: Math.min(availableParallelism(), MOST_AT_ONCE) }, checkOnes));
const all = CHECKS.flat().length + 1;
console.log(failed === 0 ? `All ${all} checks passed.` : `${failed} of ${all} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
