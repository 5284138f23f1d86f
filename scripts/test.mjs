// `npm test`: every test but those of test/slow, or the tests that are named, on the build in dist/.
// `npm run test:slow`: those of test/slow, and all seeds of test/seeded. Each says at its end what it left out.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const [first, ...rest] = process.argv.slice(2);
const isSlow = first === "--slow";
const args = isSlow
  ? ["--project=slow", "--project=slow-browser", "--project=slow-alone", "--project=seeded", ...rest]
  : ["--project=!slow*", ...process.argv.slice(2)];
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, "run", ...args], {
  env: {
    ...process.env,
    TEST_REPORT: isSlow ? "temp/slow-test-results.json" : "temp/test-results.json",
    ...(isSlow && { SEEDS: "all" }),
  },
  stdio: "inherit",
});
console.log(
  `Left out, as they take minutes: \`npm ${isSlow ? "test" : "run test:slow"}\`. As they need more than npm: ` +
    "`npm run model` (spin, gcc), `npm run interop` (go), `npm run faults` (gcc, go, redis-server), " +
    "`npm run bench` (go, redis-server, etcd).",
);
process.exitCode = status ?? 1;
