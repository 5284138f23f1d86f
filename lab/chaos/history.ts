import type { HistoryLine } from "../shared/history.ts";
import type { Evidence, StorageLoss } from "./evidence.ts";
import type { Hold } from "./holds.ts";
import type { RegisterRequest } from "./journal.ts";

/** Readers share the lock, and a writer takes all of it. */
const ALL = 1_000;

/** A run as the operations on its locks and registers, for another judge. */
export function historyOf(evidence: Evidence): HistoryLine[] {
  const { holds, requests, storageLosses, leaseMs } = evidence;
  const disturbed = new Set(
    holds.filter((hold) => storageLosses.some((loss) => isDisturbed(hold, loss, leaseMs))).map(({ id }) => id),
  );
  return [
    ...holds.flatMap((hold) => holdLines(hold, evidence)),
    ...[...new Set(holds.map(({ key }) => key))].flatMap((key) => forgetLines(key, evidence)),
    ...requests.map((request) => requestLine(request, disturbed.has(request.hold))),
  ];
}

/**
 * From the call that got it to when its holder was last certain. A storage that lost its leases ends the holds that it
 * had granted: a holder may believe in one for a lease longer, and what it holds after that it holds again.
 */
function holdLines(hold: Hold, { storageLosses, leaseMs }: Evidence): HistoryLine[] {
  const { id, key, isShared, token, askedAt, certain, left } = hold;
  if (!certain) return [];
  const lock = { model: "lock", object: key } as const;
  const part = { weight: isShared ? 1 : ALL, limit: ALL };
  const lines: HistoryLine[] = [
    { ...lock, client: id, op: "acquire", call: askedAt, return: certain.from, ...part, token },
  ];
  let client = id;
  for (const { at, goneAt } of storageLosses) {
    const againAt = goneAt + leaseMs;
    if (askedAt > goneAt || certain.from > againAt || certain.to < at) continue;
    lines.push({ ...lock, client, op: "release", call: Math.max(askedAt, at), return: null });
    if (certain.to <= againAt) return lines;
    client = `${id} again at ${againAt}`;
    lines.push({ ...lock, client, op: "acquire", call: againAt, return: againAt, ...part });
  }
  lines.push({ ...lock, client, op: "release", call: certain.to, return: left === "released" ? certain.to : null });
  return lines;
}

/** A storage that comes back as it was some seconds before has forgotten the tokens of those. */
function forgetLines(key: string, { storageLosses, leaseMs }: Evidence): HistoryLine[] {
  return storageLosses
    .filter(({ isRewound }) => isRewound)
    .map(({ at, goneAt }) => ({
      model: "lock",
      object: key,
      client: "storage",
      op: "forget",
      call: at - leaseMs,
      return: goneAt + leaseMs,
    }));
}

/** Whether it may have been held together with another. */
function isDisturbed({ askedAt, certain }: Hold, { at, goneAt }: StorageLoss, leaseMs: number): boolean {
  const until = goneAt + leaseMs;
  return askedAt <= until && (certain?.from ?? askedAt) <= until && (certain?.to ?? Infinity) >= at;
}

function requestLine({ hold, key, token, op, base, at, answer }: RegisterRequest, isDisturbed: boolean): HistoryLine {
  const known = answer && {
    accepted: answer.version !== null,
    ...(answer.version !== null && { version: answer.version }),
  };
  return {
    model: "register",
    object: key,
    client: hold,
    op,
    token,
    call: at,
    return: answer?.at ?? null,
    ...(!isDisturbed && base !== undefined && { base }),
    ...known,
  };
}
