import type { HistoryLine } from "../shared/history.ts";

/** A history of which it is known what the judge has to say. */
export interface Planted {
  readonly what: string;
  readonly isSound: boolean;
  readonly lines: readonly HistoryLine[];
}

const acquire = (client: string, call: number, until: number | null, token?: number): HistoryLine => ({
  ...{ model: "lock", object: "planted", client, op: "acquire", weight: 1, limit: 1 },
  ...{ call, return: until, token },
});
const release = (client: string, call: number, until: number | null): HistoryLine => ({
  ...{ model: "lock", object: "planted", client, op: "release" },
  ...{ call, return: until },
});

interface Answer {
  readonly accepted?: boolean;
  readonly version?: number;
  readonly base?: number;
}

const touch = (op: "read" | "write", token: number, call: number, until: number | null, answer: Answer = {}) =>
  ({
    model: "register",
    object: "planted",
    client: `under ${token}`,
    op,
    token,
    call,
    return: until,
    ...answer,
  }) as const;

/** Violations of each rule, and beside each a history that differs by little and keeps it. */
export const PLANTED: readonly Planted[] = [
  {
    what: "two holders at once",
    isSound: false,
    lines: [acquire("a", 0, 1), acquire("b", 2, 3), release("a", 4, 5), release("b", 6, 7)],
  },
  {
    what: "one holder after the other, whose release may have come before its answer",
    isSound: true,
    lines: [acquire("a", 0, 1), release("a", 2, 5), acquire("b", 2, 3), release("b", 6, 7)],
  },
  {
    what: "a holder that was killed, and a second and a third in its place at once",
    isSound: false,
    lines: [acquire("a", 0, 1), release("a", 2, null), acquire("b", 3, 4), acquire("c", 5, 6), release("b", 7, 8)],
  },
  {
    what: "a holder that was killed, and another in its place",
    isSound: true,
    lines: [acquire("a", 0, 1), release("a", 2, null), acquire("b", 3, 4), release("b", 7, null)],
  },
  {
    what: "an acquisition of unknown outcome beside a holder",
    isSound: true,
    lines: [acquire("a", 0, null), acquire("b", 1, 2), release("b", 3, 4)],
  },
  {
    what: "a token that does not grow",
    isSound: false,
    lines: [acquire("a", 0, 1, 7), release("a", 2, 3), acquire("b", 4, 5, 7), release("b", 6, 7)],
  },
  {
    what: "a stale write that was accepted",
    isSound: false,
    lines: [
      touch("read", 1, 0, 1, { accepted: true, version: 0 }),
      touch("read", 2, 2, 3, { accepted: true, version: 0 }),
      touch("write", 1, 4, 5, { accepted: true, version: 1, base: 0 }),
    ],
  },
  {
    what: "a stale write that was refused, and one of unknown outcome",
    isSound: true,
    lines: [
      touch("write", 1, 0, null, { base: 0 }),
      touch("read", 2, 2, 3, { accepted: true, version: 1 }),
      touch("write", 1, 4, 5, { accepted: false }),
      touch("write", 2, 6, 7, { accepted: true, version: 2, base: 1 }),
    ],
  },
  {
    what: "a lost update under one token",
    isSound: false,
    lines: [
      touch("read", 3, 0, 1, { accepted: true, version: 0 }),
      touch("write", 3, 2, 3, { accepted: true, version: 1, base: 0 }),
      touch("write", 3, 4, 5, { accepted: true, version: 2, base: 0 }),
    ],
  },
];

/** Of a history that is sound: the same with one holder that stays until another has come. Undefined if none can. */
export function withOverlap(lines: readonly HistoryLine[]): HistoryLine[] | undefined {
  for (const [at, line] of lines.entries()) {
    if (line.model !== "lock" || line.op !== "release") continue;
    const next = lines.find(
      (other) =>
        other.object === line.object &&
        "weight" in other &&
        other.weight === other.limit &&
        other.client !== line.client &&
        other.call > line.call,
    );
    if (!next || next.return === null) continue;
    const late = next.return + 1;
    return lines.with(at, { ...line, call: late, return: Math.max(late, line.return ?? late) });
  }
  return undefined;
}
