import { AccessDeniedError, type LossReason, type MutexError, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import { isCredentialError, TokenError, type TokenFailureKind, tokenFailureKind } from "./token-failure.ts";

/** What a refusal of the service means, whatever the operation. */
export type Outcome =
  | { readonly kind: "held" }
  | { readonly kind: "refused"; readonly why: LossReason }
  | { readonly kind: "notLeased" }
  | { readonly kind: "missing"; readonly what: "blob" | "container" }
  /** The container is going away: nothing in it is held any more, and it can be created anew in a while. */
  | { readonly kind: "vanishing" }
  | { readonly kind: "exists" }
  | { readonly kind: "unmet" }
  | { readonly kind: "denied" }
  /** The service may or may not have done what it was asked, or was not reached at all. */
  | { readonly kind: "unsure" }
  /** Any other certain refusal. */
  | { readonly kind: "rejected" };

/**
 * The one table from the service's error codes to what they mean for a lock. Codes and not statuses, because 409 and 412
 * mean "held" for some and "misconfigured" for others.
 * https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 */
const OUTCOMES: Readonly<Record<string, Outcome>> = Object.freeze({
  LeaseAlreadyPresent: { kind: "held" },
  LeaseIsBreakingAndCannotBeAcquired: { kind: "held" },

  LeaseIdMismatchWithLeaseOperation: { kind: "refused", why: "taken" },
  LeaseIdMismatchWithBlobOperation: { kind: "refused", why: "taken" },
  LeaseIsBrokenAndCannotBeRenewed: { kind: "refused", why: "broken" },
  LeaseIsBreakingAndCannotBeChanged: { kind: "refused", why: "broken" },
  LeaseNotPresentWithBlobOperation: { kind: "refused", why: "expired" },
  LeaseLost: { kind: "refused", why: "expired" },
  LeaseNotPresentWithLeaseOperation: { kind: "notLeased" },
  LeaseAlreadyBroken: { kind: "notLeased" },

  BlobNotFound: { kind: "missing", what: "blob" },
  SoftDeletedBlobNotFound: { kind: "missing", what: "blob" },
  ContainerNotFound: { kind: "missing", what: "container" },
  ContainerBeingDeleted: { kind: "vanishing" },

  BlobAlreadyExists: { kind: "exists" },
  ContainerAlreadyExists: { kind: "exists" },
  // A create with If-None-Match is answered so where the blob is leased,
  LeaseIdMissing: { kind: "exists" },
  // and so where the credentials may create but not overwrite.
  UnauthorizedBlobOverwrite: { kind: "exists" },

  ConditionNotMet: { kind: "unmet" },
  TargetConditionNotMet: { kind: "unmet" },

  AccountBeingCreated: { kind: "unsure" },
  AccountIsDisabled: { kind: "denied" },
});

/** A failed request of the SDK's, read once. */
export interface Failure {
  readonly outcome: Outcome;
  /** Status and code for people: `409 LeaseAlreadyPresent`, or the network's own word. */
  readonly status: string;
  /** Whether it was the service itself that answered, and not a time-out, the network or a gateway. */
  readonly answered: boolean;
  /** Whether it is the request for a token that failed, so that nothing was sent to the service. */
  readonly isOfToken: boolean;
  /** The answer's `Date`, in milliseconds since 1970; NaN without one. */
  readonly date: number;
  readonly retryAfterMs: number | undefined;
  /** What was thrown, without the request: that one has the credentials in it. */
  readonly cause: Error;
}

interface SdkError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly details?: { readonly errorCode?: unknown };
  readonly response?: { readonly headers?: { get?(name: string): string | undefined } };
}

interface TokenSourceError {
  readonly name?: unknown;
  readonly message?: unknown;
  /** The errors of all ways to sign in that were tried. */
  readonly errors?: unknown;
}

/** Reads what the SDK threw. A HEAD has no body, so its code stands in a header alone. */
export function readFailure(thrown: unknown): Failure {
  if (thrown instanceof TokenError) return readTokenFailure(thrown.kind, thrown.cause);
  if (isCredentialError(thrown)) return readTokenFailure(tokenFailureKind(thrown), thrown);
  const error = (typeof thrown === "object" && thrown !== null ? thrown : { message: thrown }) as SdkError;
  const header = (name: string): string | undefined => error.response?.headers?.get?.(name) || undefined;
  const status = typeof error.statusCode === "number" ? error.statusCode : undefined;
  const codeInHeader = header("x-ms-error-code") ?? error.details?.errorCode;
  const code = [codeInHeader, error.code].find((found) => typeof found === "string" && found !== "");
  const isOfService = header("x-ms-request-id") !== undefined || (typeof codeInHeader === "string" && codeInHeader !== "");
  const name = typeof error.name === "string" ? error.name : "Error";
  const date = Date.parse(header("date") ?? "");
  return {
    outcome: outcomeOf({ status, code: typeof code === "string" ? code : "", isOfService }),
    isOfToken: false,
    status: [status, code ?? (status === undefined ? name : undefined)].filter((part) => part !== undefined).join(" "),
    answered: isOfService,
    date,
    retryAfterMs: retryAfter(header("retry-after"), date),
    cause: scrubbed(name, String(error.message), { code, statusCode: status, requestId: header("x-ms-request-id") }),
  };
}

function readTokenFailure(kind: TokenFailureKind, thrown: unknown): Failure {
  const { name, message, errors = [] } = (typeof thrown === "object" && thrown !== null ? thrown : { message: thrown }) as TokenSourceError;
  const said = [message, ...(Array.isArray(errors) ? errors : []).map((one) => one?.message)].map((text) => cleanLine(String(text)));
  const cause = Object.assign(new Error(said.join("; ")), { name: typeof name === "string" ? name : "Error" });
  const outcome: Outcome = { kind: kind === "unsure" ? "unsure" : "denied" };
  return {
    outcome,
    isOfToken: true,
    status: `${cause.name}: ${said[0]}`,
    answered: false,
    date: Number.NaN,
    retryAfterMs: undefined,
    cause,
  };
}

/** The error for a failure that the operation has no answer for. */
export function errorFor(operation: string, key: string | undefined, failure: Failure): MutexError {
  const { outcome, status, cause } = failure;
  const what = `could not ${operation}${key === undefined ? "" : ` "${key}"`}`;
  switch (outcome.kind) {
    case "unsure":
    case "vanishing":
      return new StoreUnavailableError(`${what}: ${answererOf(failure)} ${status === NO_CODE ? cause.message : status}`, key, failure);
    case "denied":
      return new AccessDeniedError(`${what}: the credentials were refused: ${status}`, key, { cause });
    default:
      return new StoreRefusedError(`${what}: the service refused: ${status}`, key, { cause });
  }
}

/** The SDK's code for a request that failed without a code of the network's. The message says more. */
const NO_CODE = "REQUEST_SEND_ERROR";

interface Refusal {
  readonly status: number | undefined;
  readonly code: string;
  /** Whether the answer bears a header that only the service sets. */
  readonly isOfService: boolean;
}

function answererOf({ answered, status, isOfToken }: Failure): string {
  if (isOfToken) return "no token from the credential:";
  if (answered) return "the service answered";
  return /^\d/.test(status) ? "the answer is not the service's:" : "no answer from the service:";
}

function outcomeOf({ status, code, isOfService }: Refusal): Outcome {
  const known = Object.hasOwn(OUTCOMES, code) ? OUTCOMES[code] : undefined;
  if (known) return known;
  // A gateway or a proxy on the way refuses what it likes, with any status. That says nothing about the lease or the credentials.
  if (!isOfService) return { kind: "unsure" };
  if (status === 401 || status === 403) return { kind: "denied" };
  // Below 400 it may well have been done: it is another answer than the one for the operation, or its body cannot be read.
  if (status === undefined || status < 400 || status >= 500 || status === 408 || status === 429) return { kind: "unsure" };
  // A store that hides what the caller may not see answers 404 with a code of its own.
  if (status === 404 && code === "") return { kind: "missing", what: "blob" };
  return { kind: "rejected" };
}

/** Seconds, or a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
function retryAfter(header: string | undefined, date: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - date;
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

/** The thrown error without its request. */
function scrubbed(name: string, message: string, facts: Record<string, unknown>): Error {
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return Object.assign(new Error(cleanLine(message)), { name }, known);
}

/** The first line, without anything that could be a signature, a key or a token. */
function cleanLine(message: string): string {
  const [firstLine = ""] = message.split("\n");
  return firstLine
    .replace(/\?[^\s"'<>]*/g, "?…")
    .replace(
      /(?<![a-z])(sig|signature|accountkey|sharedaccesssignature|authorization|token|assertion|client_secret|password)\b(["']?\s*(?:[=:]|%3d)\s*).*/gi,
      "$1$2…",
    )
    .replace(/\b(Bearer|SharedKey)\s+\S+/gi, "$1 …")
    .replace(/\beyJ[\w-]+(?:\.[\w-]*)*/g, "…");
}
