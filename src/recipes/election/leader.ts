import type { Holder } from "../../blobs/holder.ts";
import { checkKind } from "../../blobs/key-kind.ts";
import { recordIn } from "../../blobs/lock-record.ts";
import type { KeyKind } from "../../errors.ts";
import { isLeased, type ReadAnswer } from "../../store/lease-store.ts";
import type { WaitOptions } from "../../waiting/wait-options.ts";

export const ELECTION_KIND: KeyKind = "election";

/** Who leads. */
export interface Leader {
  /** The fencing token of its leadership: higher than that of every leader before. */
  readonly term: number;
  /** The name under which it campaigns. */
  readonly candidate: string;
  /** Where the candidate runs. */
  readonly holder: Holder;
  /** Since when it leads, by the service's clock, to the second. */
  readonly since: Date;
  /** What it last proclaimed, if anything. */
  readonly data?: string;
}

/** The options of `LeaderElection.leader`. */
export interface LeaderOptions extends Pick<WaitOptions, "signal"> {
  /** Called if the container does not exist: then there is no leader. It costs no request. Default: none. */
  onNoContainer?: (() => void) | undefined;
}

/**
 * The leader that the blob of the office shows, if there is one. Throws `KeyKindMismatchError` if the key is no
 * election.
 */
export function leaderIn(key: string, answer: ReadAnswer): Leader | undefined {
  if (answer.kind === "missing") return undefined;
  const { metadata, leaseState } = answer.blob;
  checkKind(key, ELECTION_KIND, metadata);
  const record = isLeased(leaseState) ? recordIn(metadata) : undefined;
  if (!record?.announced) return undefined;
  const { token: term, since, data } = record.announced;
  return {
    term,
    candidate: record.holder.name,
    holder: record.holder,
    since: new Date(since),
    ...(data === undefined ? {} : { data }),
  };
}
