// `npm run simulate`: how the ways to wait for a lock compare, in simulated time.
import { writeFile } from "node:fs/promises";
import { runProgram } from "../shared/program.ts";
import { parseArguments, type Request, USAGE } from "./arguments.ts";
import { measure, plansOf, type Situation } from "./measured.ts";
import { frontierOf } from "./picture/frontier.ts";
import { pictureOf } from "./picture/picture.ts";
import { report } from "./report.ts";
import { simulate } from "./run.ts";
import { markdownTable, tableSituations } from "./table.ts";

async function answer(request: Request): Promise<string> {
  switch (request.kind) {
    case "help":
      return USAGE;
    case "table":
      return markdownTable(await measure(tableSituations(request.seeds, request.policies)));
    case "report": {
      const measured = await measure(request.situations);
      if (request.svg !== undefined) await draw(request.situations, request.svg);
      if (request.frontier !== undefined) await writeFile(request.frontier, frontierOf(measured));
      return request.json ? `${JSON.stringify(measured, null, 2)}\n` : report(measured);
    }
  }
}

/** The first run once more, for what happened in it: only figures come back from the threads. */
async function draw(situations: readonly Situation[], file: string): Promise<void> {
  const [plan] = situations.flatMap(plansOf);
  if (plan) await writeFile(file, pictureOf(plan, await simulate(plan)));
}

await runProgram({
  usage: USAGE,
  requested: parseArguments,
  run: async (request) => {
    process.stdout.write(await answer(request));
    return 0;
  },
});
