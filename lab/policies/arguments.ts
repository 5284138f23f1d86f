import { parseArgs } from "node:util";
import { parseDuration } from "../shared/duration.ts";
import { minutesFor, SEEDS, type Situation, seedsFrom } from "./measured.ts";
import { POLICY_FORMS, policyNamed } from "./policy.ts";

export const USAGE = `Usage: npm run simulate -- [options]

Simulates processes that want one lock: the real locker, on a store in memory, by a clock that skips to the next timer.

  --processes <n>        how many want the lock; default: 10
  --hold <duration>      how long each holds it on average (exponential), as 50ms, 1s or 2m; default: 1s
  --policy <policy>      how they wait: ${POLICY_FORMS}; default: plain.
                         Given several times, one column each
  --minutes <n>          how much time is simulated; default: 10, or 60 for holds of 10 s and more
  --round-trip <d>       how long a request and its answer take, 20 % more or less; default: 10ms
  --message <d>          with wake-ups, how long a message is on its way, 20 % more or less; default: half a round trip
  --lost <part>          with wake-ups, the part of the messages that is lost, from 0 to 1; default: 0
  --seeds <n>            how many runs the figures are the means of; default: ${SEEDS}
  --seed <n>             the first run's seed; default: 1
  --svg <file>           draws a stretch of the first policy's first run as well
  --frontier <file>      draws what each policy costs in requests and in the longest wait
  --json                 all figures of every run as JSON
  --table                the documentation's table, in Markdown, or its rows of each --policy; heeds --seeds and --seed
`;

export type Request =
  | { readonly kind: "help" }
  | { readonly kind: "table"; readonly seeds: readonly number[]; readonly policies: readonly string[] | undefined }
  | {
      readonly kind: "report";
      readonly situations: readonly Situation[];
      readonly json: boolean;
      readonly svg: string | undefined;
      readonly frontier: string | undefined;
    };

/** Throws a `RangeError` or `TypeError` for arguments that make no sense. */
export function parseArguments(args: readonly string[]): Request {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      processes: { type: "string", default: "10" },
      hold: { type: "string", default: "1s" },
      policy: { type: "string", multiple: true },
      minutes: { type: "string" },
      "round-trip": { type: "string", default: "10ms" },
      message: { type: "string" },
      lost: { type: "string" },
      seeds: { type: "string", default: String(SEEDS) },
      seed: { type: "string", default: "1" },
      svg: { type: "string" },
      frontier: { type: "string" },
      json: { type: "boolean", default: false },
      table: { type: "boolean", default: false },
    },
  });
  if (values.help) return { kind: "help" };
  const seeds = seedsFrom(count("seed", values.seed), count("seeds", values.seeds));
  if (values.table) return { kind: "table", seeds, policies: values.policy };
  const processes = count("processes", values.processes);
  const holdMs = duration("hold", values.hold);
  const roundTripMs = duration("round-trip", values["round-trip"]);
  const messageMs = values.message === undefined ? undefined : duration("message", values.message);
  const lost = values.lost === undefined ? undefined : Number(values.lost);
  if (lost !== undefined && !(lost >= 0 && lost <= 1))
    throw new RangeError(`--lost is a number from 0 to 1, not ${values.lost}`);
  const messages = { ...(messageMs !== undefined && { messageMs }), ...(lost !== undefined && { lost }) };
  const minutes = values.minutes === undefined ? minutesFor(holdMs) : count("minutes", values.minutes);
  const situations = (values.policy ?? ["plain"]).map((policy) => {
    policyNamed(policy);
    return { processes, holdMs, policy, minutes, roundTripMs, ...messages, seeds };
  });
  return { kind: "report", situations, json: values.json, svg: values.svg, frontier: values.frontier };
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new RangeError(`--${name} is a whole number of at least 1, not ${text}`);
  return number;
}

function duration(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new RangeError(`--${name} is a duration as 50ms, 1s or 2m, not ${text}`);
  return ms;
}
