import type { HistoryLine } from "../shared/history.ts";
import type { Referee, Tenancy } from "./referee.ts";
import type { Resource } from "./resource.ts";

/** A run as the operations on its locks and registers, by true time. */
export function historyOf(run: string, { tenancies }: Referee, { sent }: Resource): HistoryLine[] {
  return [
    ...tenancies.flatMap((tenancy, number) => holdLines(run, tenancy, String(number))),
    ...sent.flatMap(({ claim: { tokens, token }, at, received }, number): HistoryLine[] => {
      if (tokens === undefined || token === undefined) return [];
      const answer = received && { accepted: received.isAccepted };
      const times = { call: at, return: received?.at ?? null };
      return [
        {
          model: "register",
          object: `${run}: ${tokens}`,
          client: `write ${number}`,
          op: "write",
          token,
          ...times,
          ...answer,
        },
      ];
    }),
  ];
}

/**
 * From when it was first seen to be held to when it last was. A release that its holder does not know of took effect
 * later, if ever: the lease of a holder that was killed or cut off runs out at some time.
 */
function holdLines(run: string, { claim, seenHeld, releasedAt }: Tenancy, client: string): HistoryLine[] {
  if (!seenHeld) return [];
  const { group, limit, weight, tokens, token } = claim;
  const of = (name: string, part: { weight: number; limit: number; token?: number | undefined }): HistoryLine[] => {
    const which = { model: "lock", object: `${run}: ${name}`, client } as const;
    return [
      { ...which, op: "acquire", call: seenHeld.from, return: seenHeld.from, ...part },
      { ...which, op: "release", call: seenHeld.to, return: releasedAt ?? null },
    ];
  };
  if (tokens === group) return of(group, { weight, limit, token });
  // Of each sequence of tokens there is one holder, such as of each slot of a semaphore.
  return [
    ...of(group, { weight, limit }),
    ...(tokens === undefined ? [] : of(`tokens of ${tokens}`, { weight: 1, limit: 1, token })),
  ];
}
