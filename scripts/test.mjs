// Runs tests on the build in dist/, the named sets of them or those that are named one by one, and says at its end what
// it left out.
//
//   (none)      `npm test`: all but those of the other sets
//   --slow      what takes minutes, and the seeds of test/seeded that `npm test` leaves out
//   --alone     what measures, one file after the other
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { missingServers } from "./message-servers.mjs";

const QUICK = ["servers", "process", "emulator", "browser", "project", "lab", "seeded", "unit", "unit-mocked"];
const SLOW = ["slow", "slow-browser", "seeded"];
const ALONE = ["slow-alone", "measured"];

const args = process.argv.slice(2);
const isSlow = args.includes("--slow");
const isAlone = args.includes("--alone");
const projects = isSlow || isAlone ? [...(isSlow ? SLOW : []), ...(isAlone ? ALONE : [])] : QUICK;
const report = isSlow ? "slow-test-results" : isAlone ? "alone-test-results" : "test-results";
// In CI, which installs them, their tests fail without them.
const missing = process.env.CI ? [] : missingServers();
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [
    vitest,
    "run",
    ...projects.map((project) => `--project=${project}`),
    ...missing.map(({ name }) => `--exclude=**/servers/${name}.test.ts`),
    ...args.filter((arg) => arg !== "--slow" && arg !== "--alone"),
  ],
  {
    env: { ...process.env, TEST_REPORT: `temp/${report}.json`, ...(isSlow && { SEEDS: "rest" }) },
    stdio: "inherit",
  },
);
for (const { name, debianPackage } of missing)
  console.log(`Left out, as Debian's ${debianPackage} or its like is not installed: test/**/servers/${name}.test.ts.`);
const other = isSlow || isAlone ? "npm test" : "npm run test:slow";
console.log(
  `Left out, as they take minutes: \`${other}\`. As they need more than npm: ` +
    "`npm run model` (spin, gcc), `npm run interop` (go), `npm run faults` (gcc, go, redis-server), " +
    "`npm run bench` (go, redis-server, etcd).",
);
process.exitCode = status ?? 1;
