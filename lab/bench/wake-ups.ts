import { showDuration } from "../shared/duration.ts";
import type { Figures } from "../shared/waits/figures.ts";
import type { Bar, Benchmark, Claim } from "./benchmark.ts";
import { ETCD3, missing, OURS, OURS_FAIR, OURS_FAIR_WOKEN, OURS_WOKEN } from "./contenders.ts";
import {
  COLUMNS,
  type Crowd,
  figuresFor,
  gapClaim,
  nameOf,
  notRunRows,
  type Outcome,
  outcomeOf,
  QUICK_CROWD,
  rowOf,
} from "./crowd.ts";

const CONTENDERS = [OURS, OURS_WOKEN, OURS_FAIR, OURS_FAIR_WOKEN, ETCD3];
/** In which the chart shows the gaps. */
const CHARTED: Crowd = { contenders: 10, holdMs: 200, seconds: 60, otherSeconds: 30 };
const CROWDS: readonly Crowd[] = [
  { contenders: 2, holdMs: 200, seconds: 20, otherSeconds: 20 },
  CHARTED,
  { contenders: 50, holdMs: 200, seconds: 60, otherSeconds: 30 },
  { contenders: 50, holdMs: 1_000, seconds: 90, otherSeconds: 30 },
];

/** The limits of the claims, in milliseconds. */
const GAP_P50_MS = 30;
const FAIR_GAP_P50_MS = 25;
const FAIR_GAP_P95_MS = 60;
const FAIR_REQUESTS = 12;
/** Of the requests of those that poll. */
const PART_OF_REQUESTS = 1 / 2;

export const WAKE_UPS: Benchmark = {
  name: "wake-ups",
  title: "Woken by messages",
  what: `The same crowds with and without [a channel](wake-ups.md), measured [as above](#contention-between-processes),
but for a minute, for 90 s where holds are a second, and for 20 s where two contend. The channel is \`localWakeUps()\`,
and each message takes half a round trip more. etcd3 is beside it because its server wakes its waiters.`,
  async run(context) {
    const outcomes: Outcome[] = [];
    const crowds = context.isQuick ? [QUICK_CROWD] : CROWDS;
    const able = CONTENDERS.filter((contender) => missing(contender, context.stage) === undefined);
    for (const crowd of crowds) for (const contender of able) outcomes.push(await outcomeOf(context, crowd, contender));
    const notRun = notRunRows(CONTENDERS, context.stage);
    const rowsOf = (crowd: Crowd) => outcomes.filter((outcome) => outcome.crowd === crowd).map(rowOf);
    return {
      tables: crowds.map((crowd) => ({
        caption: nameOf(crowd),
        columns: COLUMNS,
        rows: [...rowsOf(crowd), ...notRun],
      })),
      claims: crowds.flatMap((crowd) => claimsFor(crowd, outcomes)),
      chart: {
        title: `Hand-over gap: ${nameOf(CHARTED)}`,
        unit: "milliseconds; the bar is the median, the line goes on to the 95th percentile",
        bars: outcomes.filter(({ crowd }) => crowd === CHARTED || context.isQuick).map(barOf),
      },
      notes: [],
    };
  },
};

function barOf({ contender: { name, isOurs }, figures: { gapP50, gapP95 } }: Outcome): Bar {
  return { label: name, value: gapP50, spread: [gapP50, gapP95], isOurs };
}

function claimsFor(crowd: Crowd, outcomes: readonly Outcome[]): Claim[] {
  const [plain, woken, fair] = [OURS, OURS_WOKEN, OURS_FAIR_WOKEN].map((ours) => figuresFor(ours, crowd, outcomes));
  if (!plain || !woken || !fair) return [];
  const etcd = figuresFor(ETCD3, crowd, outcomes);
  const gap = (who: string, part: string, value: number, limit: number, limitName?: string): Claim =>
    gapClaim(`${who} with wake-ups, ${nameOf(crowd)}`, part, value, limit, limitName);
  const requests = (who: string, { requestsPerAcquisition: value }: Figures, limit: number): Claim => ({
    what: `${who} with wake-ups, ${nameOf(crowd)}: requests per acquisition`,
    limit: limit.toFixed(1),
    measured: value.toFixed(1),
    holds: value <= limit,
  });
  return [
    gap("`fair`", "p50", fair.gapP50, FAIR_GAP_P50_MS),
    gap("`fair`", "p95", fair.gapP95, FAIR_GAP_P95_MS),
    ...(etcd ? [gap("`fair`", "p50", fair.gapP50, etcd.gapP50, `etcd3's ${showDuration(etcd.gapP50)}`)] : []),
    requests("`fair`", fair, FAIR_REQUESTS),
    gap("plain", "p50", woken.gapP50, GAP_P50_MS),
    requests("plain", woken, PART_OF_REQUESTS * plain.requestsPerAcquisition),
  ];
}
