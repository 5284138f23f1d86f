// `npm run bench`: how fast, at what cost, and beside which others.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { preparePeers } from "../shared/peers.ts";
import { runProgram } from "../shared/program.ts";
import { versionIn } from "../shared/project.ts";
import { redisVersion } from "../shared/storage/storage.ts";
import { BENCHMARKS } from "./all.ts";
import type { Measured } from "./benchmark.ts";
import { printed } from "./document.ts";
import { etcdVersion } from "./etcd.ts";
import { record, redraw } from "./results.ts";
import { Stage } from "./stage.ts";

const NAMES = BENCHMARKS.map(({ name }) => name).join(", ");
const USAGE = `Usage: npm run bench [-- --only <name>] [-- --round-trip <ms>] [-- --quick] [-- --json]
                       [-- --deaths <n>] [-- --redraw]

  --only <name>       one benchmark; may be given several times. One of: ${NAMES}
  --round-trip <ms>   how much longer a request takes than on this machine. Default: 5
  --deaths <n>        how many holders die in each way, in the benchmark of that name. Default: 40
  --quick             shows that everything works, in a fraction of the time; writes nothing
  --json              the results as JSON; writes nothing
  --redraw            writes page and pictures of the last results anew; measures nothing

Writes docs/benchmarks.md and what is beside it. Ends with 1 if something that has to hold does not.
`;

type Request = NonNullable<ReturnType<typeof requested>>;

function requested(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true },
      "round-trip": { type: "string", default: "5" },
      deaths: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      redraw: { type: "boolean", default: false },
    },
  });
  const { only } = values;
  const roundTripMs = Number(values["round-trip"]);
  const deaths = values.deaths === undefined ? undefined : Number(values.deaths);
  if (!(roundTripMs >= 0) || !(deaths === undefined || (Number.isInteger(deaths) && deaths > 0))) return undefined;
  if (only?.some((name) => !BENCHMARKS.some((known) => known.name === name))) return undefined;
  const chosen = BENCHMARKS.filter(({ name }) => only?.includes(name) ?? true);
  return { chosen, roundTripMs, deaths, isQuick: values.quick, isJson: values.json, isRedraw: values.redraw };
}

function ranOn(): string {
  const [{ model } = { model: "an unknown processor" }] = cpus();
  const redis = redisVersion();
  const etcd = etcdVersion();
  const versions = [
    `Node.js ${process.versions.node}`,
    `Azurite ${versionIn("node_modules/azurite/")}`,
    ...(redis === undefined ? [] : [`Redis ${redis}`]),
    ...(etcd === undefined ? [] : [`etcd ${etcd}`]),
  ];
  return (
    `azmutex ${versionIn("")}, ${versions.join(", ")}, ${process.platform}, ${cpus().length} cores ` +
    `(${model.trim()}).`
  );
}

async function run({ chosen, roundTripMs, deaths, isQuick, isJson, isRedraw }: Request): Promise<number> {
  if (isRedraw) {
    await redraw();
    return 0;
  }
  const noPeers = preparePeers();
  if (noPeers !== undefined) process.stderr.write(`the other libraries are not run: ${noPeers}\n`);
  const measured: Measured[] = [];
  for (const benchmark of chosen) {
    const { name, title, what } = benchmark;
    const began = performance.now();
    const note = (line: string): void => void process.stderr.write(`${name}: ${line}\n`);
    await using stage = new Stage(roundTripMs);
    const report = await benchmark.run({ stage, isQuick, deaths, note });
    const one: Measured = {
      name,
      title,
      what,
      ranOn: ranOn(),
      roundTripMs,
      seconds: (performance.now() - began) / 1_000,
      report,
    };
    measured.push(one);
    if (isJson) continue;
    process.stdout.write(`\n${title}\n\n${printed(report)}\n`);
    // Not at the end: what was measured stays, whatever becomes of the next one.
    if (!isQuick) await record(one, BENCHMARKS);
  }
  if (isJson) process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
  return measured.every(({ report }) => report.claims.every(({ holds }) => holds)) ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await runProgram({ usage: USAGE, requested, run });
