import { type LeaseState, LONGEST_BREAK_SECONDS, type Stamp, type StoreCall, type StoredBlob } from "../lease-store.ts";
import { gatewayReason } from "./gateway-answer.ts";
import { ownSignal } from "./own-requests.ts";
import type { Abortable, AnswerHeaders, ContainerClientLike, LeaseHeaders, LeaseProperties } from "./sdk-clients.ts";

/** An answer that proves nothing: it lacks what the service always says, or cannot be read. */
export class UnusableAnswer extends Error {
  readonly answered: boolean;

  /** @param answered - Whether it is the service's all the same. */
  constructor(message: string, { answered }: { readonly answered: boolean }) {
    super(message);
    this.answered = answered;
  }
}

/** A response as it came, which the SDK's types do not have. */
interface Response {
  readonly status?: number;
  readonly headers?: { get?(name: string): string | undefined };
  readonly bodyAsText?: unknown;
}

type Listing = ReturnType<ContainerClientLike["listBlobsFlat"]>;
/** A page of a listing. */
type Page = ReturnType<Listing["byPage"]> extends AsyncIterable<infer Found> ? Found : never;

const LEASE_STATES: ReadonlySet<string> = new Set<LeaseState>(["available", "leased", "breaking", "broken", "expired"]);

/** The SDK's options of a request of azmutex's own. */
export function abortable(call: StoreCall | undefined): Abortable {
  return { abortSignal: ownSignal(call?.signal) };
}

/**
 * Throws for an answer without the service's headers: a gateway that answers 200 has done nothing of what was asked.
 */
export function checkRequestId({
  requestId,
  _response,
}: {
  readonly requestId?: string | undefined;
  readonly _response?: Response | undefined;
}): void {
  if (requestId) return;
  const page = gatewayReason(_response?.status, _response?.bodyAsText);
  const what = page === "" ? "" : `${page} `;
  throw new UnusableAnswer(`a proxy or gateway answered: ${what}without x-ms-request-id`, { answered: false });
}

/** Whether the answer names this lease. Throws for an answer that names none. */
export function isOfLease({ leaseId, requestId }: LeaseHeaders, ours: string): boolean {
  if (!leaseId) throw new UnusableAnswer("the answer names no lease", { answered: Boolean(requestId) });
  return leaseId.toLowerCase() === ours.toLowerCase();
}

/** What an answer says of its blob's version. Throws for an answer that does not. */
export function stampOf({ etag, lastModified, date }: AnswerHeaders): Stamp {
  const written = lastModified?.getTime() ?? Number.NaN;
  const answered = date?.getTime() ?? Number.NaN;
  if (!etag || Number.isNaN(written + answered))
    throw new UnusableAnswer("the answer lacks ETag, Last-Modified or Date", { answered: false });
  // Listings give ETags without the quotes that headers have.
  return { etag: etag.endsWith('"') ? etag : `"${etag}"`, lastModified: written, date: answered };
}

/** The seconds that a lease still runs after its break. Throws for an answer that does not say so. */
export function secondsLeft({ leaseTime, requestId }: LeaseHeaders): number {
  // The SDK hands on what is no number as it is.
  if (leaseTime !== undefined && Number.isInteger(leaseTime) && leaseTime >= 0 && leaseTime <= LONGEST_BREAK_SECONDS)
    return leaseTime;
  throw new UnusableAnswer("the answer does not say when it is free", { answered: Boolean(requestId) });
}

/** A blob as a read or a listing shows it. Throws for an answer that lacks what the service always says. */
export function storedBlob(
  key: string,
  found: LeaseProperties,
  metadata: Record<string, string> = {},
  date?: Date,
): StoredBlob {
  const { leaseState } = found;
  if (leaseState === undefined || !LEASE_STATES.has(leaseState))
    throw new UnusableAnswer("the answer lacks the state of its lease", { answered: false });
  return {
    key,
    ...stampOf({ ...found, ...(date && { date }) }),
    // The SDK's parser may make something else than a text of an entry without a value.
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, typeof value === "string" ? value : ""]),
    ),
    leaseState: leaseState as LeaseState,
    infinite: found.leaseDuration === "infinite",
    ...(found.contentLength !== undefined && { hasContent: found.contentLength > 0 }),
  };
}

/** Names of metadata as headers bring them. */
export function lowerCaseNames(metadata: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The pages of a listing. Throws for an answer that is none, and for pages that lead back to an earlier one. */
export async function* pagesOf(
  container: ContainerClientLike,
  { prefix, maxPageSize, call }: { prefix: string; maxPageSize?: number; call: StoreCall | undefined },
): AsyncGenerator<Page, void, undefined> {
  let response: Response | undefined;
  const onResponse = (found: Response): void => {
    response = found;
  };
  const options = { prefix, includeMetadata: true, ...abortable(call), onResponse };
  const seen = new Set<string>();
  try {
    for await (const page of container
      .listBlobsFlat(options)
      .byPage(maxPageSize === undefined ? {} : { maxPageSize })) {
      const { requestId, continuationToken } = page;
      checkRequestId({ requestId });
      if (continuationToken && seen.has(continuationToken))
        throw new UnusableAnswer("the listing goes round in circles", { answered: true });
      if (continuationToken) seen.add(continuationToken);
      yield page;
    }
  } catch (error) {
    // The SDK expects every answer to be a listing: a login page with status 200 makes it fail as it reads on.
    if (error instanceof TypeError && response)
      checkRequestId({ requestId: response.headers?.get?.("x-ms-request-id"), _response: response });
    throw error;
  }
}
