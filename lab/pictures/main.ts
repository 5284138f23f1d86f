// `npm run lab -- pictures`: draws the pictures of the documents that no other program draws.
import { readFile, writeFile } from "node:fs/promises";
import { runProgram } from "../shared/program.ts";
import { PROJECT } from "../shared/project.ts";
import { faultChart } from "./fault-chart.ts";
import { leaseLife } from "./lease-life.ts";

const USAGE = `Usage: npm run lab -- pictures

Draws docs/faults.svg, of the table in docs/faults.md, and docs/lease-life.svg.
`;

await runProgram({
  usage: USAGE,
  requested: (args) => (args.length === 0 ? {} : undefined),
  run: async () => {
    const faults = await readFile(new URL("docs/faults.md", PROJECT), "utf8");
    await writeFile(new URL("docs/faults.svg", PROJECT), faultChart(faults));
    await writeFile(new URL("docs/lease-life.svg", PROJECT), leaseLife());
    return 0;
  },
});
