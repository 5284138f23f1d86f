// `npm test`: every test there is, or those that are named, on the build in dist/. Says what needs more than npm
// brings, and is left out.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], { stdio: "inherit" });
console.log(
  "Left out, as they need more than npm: `npm run model` (spin, gcc), `npm run interop` (go), " +
    "`npm run faults` (gcc, openssl, go, redis-server), `npm run bench` (go, redis-server, etcd).",
);
process.exitCode = status ?? 1;
