import type { BreakAnswer, LeaseState } from "../../store/lease-store.ts";
import type { LeaseStoreDeviation } from "./azurite-deviations.ts";
import { A, B, C, inWords, KEY, readBlob, type StoreUnderTest } from "./store-under-test.ts";

/** What an operation comes to in one state, and the state it leaves. */
export interface StateCell {
  readonly answer: string;
  readonly leaves: LeaseState | "missing";
  /** The store whose deviation this is does otherwise. */
  readonly unless?: LeaseStoreDeviation;
}

export interface Row {
  readonly operation: string;
  readonly ask: (under: StoreUnderTest) => Promise<string>;
  readonly cells: Readonly<Record<LeaseState, StateCell>>;
}

const as = (answer: string, leaves: StateCell["leaves"], unless?: LeaseStoreDeviation): StateCell => ({
  answer,
  leaves,
  ...(unless && { unless }),
});

/** A cell per state, in the order available, leased, breaking, broken, expired. */
function row(
  operation: string,
  ask: Row["ask"],
  available: StateCell,
  leased: StateCell,
  breaking: StateCell,
  broken: StateCell,
  expired: StateCell,
): Row {
  return { operation, ask, cells: { available, leased, breaking, broken, expired } };
}

/** Refused alike, whatever the state, and nothing changes. */
function refusedEverywhere(
  operation: string,
  ask: Row["ask"],
  answer: string,
  expired: StateCell = as(answer, "expired"),
): Row {
  return row(
    operation,
    ask,
    as(answer, "available"),
    as(answer, "leased"),
    as(answer, "breaking"),
    as(answer, "broken"),
    expired,
  );
}

async function writeAs(leaseId: string | undefined, under: StoreUnderTest): Promise<string> {
  const { etag } = await readBlob(under);
  return inWords(await under.store.writeMetadata(KEY, { note: "written" }, { leaseId, ifMatch: etag }));
}

/** Rounded to whole multiples of 5 s, since real time passes too while a store on a network is asked. */
function breakInWords(answer: BreakAnswer): string {
  return answer.kind === "breaking" ? `free in ${Math.ceil(answer.freeInSeconds / 5) * 5} s` : inWords(answer);
}

/**
 * The state machine of a blob's lease, as Microsoft documents it under Lease Blob: every operation in every state. A is
 * who holds, or held, a lease of 60 s; a lease that is breaking has 30 s left.
 */
export const LEASE_TABLE: readonly Row[] = [
  row(
    "an acquire by the holder",
    async ({ store }) => inWords(await store.acquire(KEY, A, 60)),
    as("acquired", "leased"),
    as("acquired", "leased"),
    as("held", "breaking"),
    as("acquired", "leased"),
    as("acquired", "leased"),
  ),
  row(
    "an acquire by another",
    async ({ store }) => inWords(await store.acquire(KEY, B, 60)),
    as("acquired", "leased"),
    as("held", "leased"),
    as("held", "breaking"),
    as("acquired", "leased"),
    as("acquired", "leased"),
  ),
  row(
    "a renewal by the holder",
    async ({ store }) => inWords(await store.renew(KEY, A)),
    as("refused (taken)", "available"),
    as("renewed", "leased"),
    as("refused (broken)", "breaking"),
    as("refused (broken)", "broken"),
    as("renewed", "leased"),
  ),
  refusedEverywhere(
    "a renewal by another",
    async ({ store }) => inWords(await store.renew(KEY, B)),
    "refused (taken)",
    as("refused (taken)", "expired", "renewWithForeignIdOnExpiredLease"),
  ),
  row(
    "a change by the holder to another's id",
    async ({ store }) => inWords(await store.change(KEY, A, B)),
    as("refused (expired)", "available"),
    as("changed", "leased"),
    as("refused (broken)", "breaking"),
    as("refused (expired)", "broken"),
    as("refused (expired)", "expired"),
  ),
  row(
    "a repeated change, from an older id to the holder's",
    async ({ store }) => (await store.change(KEY, B, A)).kind,
    as("refused", "available"),
    as("changed", "leased"),
    as("refused", "breaking"),
    as("refused", "broken"),
    as("refused", "expired"),
  ),
  refusedEverywhere(
    "a change between two ids that do not hold",
    async ({ store }) => (await store.change(KEY, B, C)).kind,
    "refused",
  ),
  row(
    "a release by the holder",
    async ({ store }) => inWords(await store.release(KEY, A)),
    as("refused (taken)", "available"),
    as("released", "available"),
    as("released", "available"),
    as("released", "available"),
    as("released", "available"),
  ),
  refusedEverywhere(
    "a release by another",
    async ({ store }) => inWords(await store.release(KEY, B)),
    "refused (taken)",
  ),
  row(
    "a break without a period",
    async ({ store }) => breakInWords(await store.break(KEY)),
    as("notLeased", "available"),
    as("free in 60 s", "breaking"),
    as("free in 30 s", "breaking"),
    as("free in 0 s", "broken"),
    as("free in 0 s", "broken"),
  ),
  row(
    "a break with a period of 0 s",
    async ({ store }) => breakInWords(await store.break(KEY, { periodSeconds: 0 })),
    as("notLeased", "available"),
    as("free in 0 s", "broken"),
    as("free in 0 s", "broken"),
    as("free in 0 s", "broken"),
    as("free in 0 s", "broken"),
  ),
  row(
    "a break with a shorter period than is left",
    async ({ store }) => breakInWords(await store.break(KEY, { periodSeconds: 20 })),
    as("notLeased", "available"),
    as("free in 20 s", "breaking"),
    as("free in 20 s", "breaking"),
    as("free in 0 s", "broken"),
    as("free in 0 s", "broken"),
  ),
  row(
    "a break with a longer period than is left",
    async ({ store, advance }) => {
      await advance(10_000);
      return breakInWords(await store.break(KEY, { periodSeconds: 60 }));
    },
    as("notLeased", "available"),
    as("free in 50 s", "breaking"),
    as("free in 20 s", "breaking"),
    as("free in 0 s", "broken"),
    as("free in 0 s", "broken"),
  ),
  row(
    "a write by the holder",
    (under) => writeAs(A, under),
    as("refused (expired)", "available"),
    as("written", "leased"),
    as("written", "breaking"),
    as("refused (expired)", "broken"),
    as("refused (expired)", "expired"),
  ),
  row(
    "a write by another with a lease id",
    (under) => writeAs(B, under),
    as("refused (expired)", "available"),
    as("refused (taken)", "leased"),
    as("refused (taken)", "breaking"),
    as("refused (expired)", "broken"),
    as("refused (expired)", "expired"),
  ),
  row(
    "a write that names no lease id",
    (under) => writeAs(undefined, under),
    as("written", "available"),
    as("refused (taken)", "leased"),
    as("refused (taken)", "breaking"),
    as("written", "available"),
    as("written", "available"),
  ),
  row(
    "a write without a lease id",
    async ({ foreign }) => inWords(await foreign.putBlob(KEY)),
    as("done", "available"),
    as("refused", "leased"),
    as("refused", "breaking"),
    as("done", "available"),
    as("done", "available"),
  ),
  row(
    "an overwrite that names the holder's lease id",
    async ({ foreign }) => inWords(await foreign.putBlob(KEY, { leaseId: A })),
    as("refused", "available"),
    as("done", "leased"),
    as("done", "breaking"),
    as("refused", "broken"),
    as("refused", "expired"),
  ),
  row(
    "a deletion without a lease id",
    async ({ store }) => inWords(await store.remove(KEY)),
    as("removed", "missing"),
    as("refused (taken)", "leased"),
    as("refused (taken)", "breaking"),
    as("removed", "missing"),
    as("removed", "missing"),
  ),
  row(
    "a deletion that names the holder's lease id",
    async ({ store }) => inWords(await store.remove(KEY, { leaseId: A })),
    as("refused (expired)", "available"),
    as("removed", "missing"),
    as("removed", "missing"),
    as("refused (expired)", "broken"),
    as("refused (expired)", "expired"),
  ),
  row(
    "a creation",
    async ({ store }) => inWords(await store.create(KEY, {})),
    as("exists", "available"),
    as("exists", "leased"),
    as("exists", "breaking"),
    as("exists", "broken"),
    as("exists", "expired"),
  ),
];
