import { readData } from "../shared/data.ts";
import type { HistoryLine } from "../shared/history.ts";

/** A history of which it is known what the judge has to say. */
export interface Planted {
  readonly what: string;
  readonly isSound: boolean;
  readonly lines: readonly HistoryLine[];
}

type Written = Omit<Planted, "lines"> & { readonly lines: readonly (Pick<HistoryLine, "op"> & { token?: number })[] };

/** All of `planted.yaml`. */
export const PLANTED: readonly Planted[] = readData<Written[]>("lab/linearizability/planted.yaml").map((one) => ({
  ...one,
  lines: one.lines.map((line): HistoryLine => {
    const { op, token } = line;
    if (op === "read" || op === "write")
      return { model: "register", client: `under ${token}`, ...line, object: "planted" } as HistoryLine;
    const whole = op === "acquire" && { weight: 1, limit: 1 };
    return { model: "lock", ...whole, ...line, object: "planted" } as HistoryLine;
  }),
}));

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
