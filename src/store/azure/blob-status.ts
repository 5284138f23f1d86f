import type { LossReason } from "../../errors.ts";
import type { Operation } from "../operation.ts";
import { cleanLine } from "./clean-text.ts";
import type { Denial } from "./denial.ts";
import { gatewayReason } from "./gateway-answer.ts";
import { networkReason } from "./network-failure.ts";
import { UnusableAnswer } from "./sdk-answer.ts";
import { denialIn, type ServiceRefusal, type StoreFacts, serviceReason } from "./service-reason.ts";
import {
  isCredentialError,
  TokenError,
  type TokenFailureKind,
  tokenFailureKind,
  tokenReason,
} from "./token-failure.ts";

/** What a refusal of the service means, whatever the operation. */
export type Outcome =
  | { readonly kind: "held" }
  | { readonly kind: "refused"; readonly why: LossReason }
  | { readonly kind: "notLeased" }
  | { readonly kind: "missing"; readonly what: "blob" | "container" }
  /** The container is being deleted: nothing in it is held, and it can be created anew after some seconds. */
  | { readonly kind: "vanishing" }
  | { readonly kind: "exists" }
  | { readonly kind: "unmet" }
  | { readonly kind: "denied" }
  /** The service may or may not have done what it was asked, or was not reached at all. */
  | { readonly kind: "unsure" }
  /** Any other certain refusal. */
  | { readonly kind: "rejected" };

/**
 * The one table from the service's error codes to what they mean for a lock. Codes and not statuses, because 409 and
 * 412 mean "held" for some and "misconfigured" for others.
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

/** What keeps a blob from being written or deleted for good, by the service's codes. */
const IMMUTABLE: Readonly<Record<string, "policy" | "legalHold">> = Object.freeze({
  BlobImmutableDueToPolicy: "policy",
  BlobImmutableDueToLegalHold: "legalHold",
  ContainerImmutableDueToLegalHold: "legalHold",
});

/** What makes a blob immutable, by the status of a refusal, `409 BlobImmutableDueToPolicy` say; or undefined. */
export function immutabilityIn(status: string): "policy" | "legalHold" | undefined {
  const [, code = ""] = status.split(" ");
  return Object.hasOwn(IMMUTABLE, code) ? IMMUTABLE[code] : undefined;
}

/** What is in question where the service answers with these codes, so that the message can say what to look at. */
const IN_QUESTION: Readonly<Record<string, ServiceRefusal["about"]>> = Object.freeze({
  AuthenticationFailed: "signature",
  // Azure's word for network rules, and Azurite's for a wrong signature.
  AuthorizationFailure: "access",
  AuthorizationPermissionMismatch: "right",
  InsufficientAccountPermissions: "right",
  AuthorizationProtocolMismatch: "scope",
  AuthorizationSourceIPMismatch: "scope",
  AuthorizationServiceMismatch: "scope",
  AuthorizationResourceTypeMismatch: "scope",
  KeyBasedAuthenticationNotPermitted: "keys",
  AccountIsDisabled: "account",
  InvalidAuthenticationInfo: "token",
  InvalidHeaderValue: "header",
});

/** What keeps every request to a container from being served, by the service's code; or undefined. */
export function obstacleOf(code: unknown): "beingDeleted" | "apiVersion" | undefined {
  if (typeof code !== "string") return undefined;
  if (Object.hasOwn(OUTCOMES, code) && OUTCOMES[code]?.kind === "vanishing") return "beingDeleted";
  return Object.hasOwn(IN_QUESTION, code) && IN_QUESTION[code] === "header" ? "apiVersion" : undefined;
}

/** A failed request of the SDK's, read once. */
export interface FailedRequest {
  readonly outcome: Outcome;
  /** Status and code for people: `409 LeaseAlreadyPresent`, or the network's own word. */
  readonly status: string;
  /** Why, for people, in one line: what the service or a gateway answered, or what became of the connection. */
  readonly reason: string;
  /** What failed. `answer`: the answer proves nothing. */
  readonly source: "service" | "gateway" | "network" | "token" | "answer";
  /** Whether it was the service itself. */
  readonly answered: boolean;
  /** The answer's `Date`, in milliseconds since 1970; NaN without one. */
  readonly date: number;
  readonly retryAfterMs: number | undefined;
  /** Why access was denied, if it was, and the service says why. */
  readonly denial?: Denial | undefined;
  /** What was thrown, without the request: that one has the credentials in it. */
  readonly cause: Error;
}

interface SdkError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly details?: { readonly errorCode?: unknown };
  readonly response?: { readonly headers?: { get?(name: string): string | undefined }; readonly bodyAsText?: unknown };
}

/** Reads what the SDK threw. A HEAD has no body, so its code stands in a header alone. */
export function readFailure(thrown: unknown, facts: StoreFacts = {}, operation?: Operation): FailedRequest {
  if (thrown instanceof UnusableAnswer) return readUnusable(thrown);
  if (thrown instanceof TokenError) return readTokenFailure(thrown.kind, thrown.cause);
  if (isCredentialError(thrown)) return readTokenFailure(tokenFailureKind(thrown), thrown);
  const error = (typeof thrown === "object" && thrown !== null ? thrown : { message: thrown }) as SdkError;
  const header = (name: string): string | undefined => error.response?.headers?.get?.(name) || undefined;
  const status = typeof error.statusCode === "number" ? error.statusCode : undefined;
  const codeInHeader = header("x-ms-error-code") ?? error.details?.errorCode;
  const code = [codeInHeader, error.code].find((found): found is string => typeof found === "string" && found !== "");
  const isOfService =
    header("x-ms-request-id") !== undefined || (typeof codeInHeader === "string" && codeInHeader !== "");
  const name = typeof error.name === "string" ? error.name : "Error";
  const date = Date.parse(header("date") ?? "");
  const message = String(error.message);
  const statusText = [status, code ?? (status === undefined ? name : undefined)]
    .filter((part) => part !== undefined)
    .join(" ");
  const source = isOfService ? "service" : status === undefined ? "network" : "gateway";
  const body = error.response?.bodyAsText;
  const about = Object.hasOwn(IN_QUESTION, code ?? "") ? IN_QUESTION[code ?? ""] : undefined;
  const refusal = { status: statusText, code: code ?? "", about, message, detail: detailIn(body), date, operation };
  const denial = source === "service" ? denialIn(refusal, facts) : undefined;
  const reasons = {
    service: () => serviceReason(refusal, facts, denial),
    gateway: () => gatewayReason(status, body),
    network: () => networkReason(code, message, facts.address),
  };
  return {
    outcome: outcomeOf({ status, code: code ?? "", isOfService }),
    source,
    status: statusText,
    reason: reasons[source](),
    answered: isOfService,
    date,
    retryAfterMs: retryAfter(header("retry-after"), date),
    denial,
    cause: scrubbed(name, message, { code, statusCode: status, requestId: header("x-ms-request-id") }),
  };
}

/** What no answer of the service's tells. */
const UNTOLD = { answered: false, date: Number.NaN, retryAfterMs: undefined } as const;

function readUnusable(cause: UnusableAnswer): FailedRequest {
  const { answered, message: reason } = cause;
  return { ...UNTOLD, outcome: { kind: "unsure" }, source: "answer", status: "", reason, answered, cause };
}

function readTokenFailure(kind: TokenFailureKind, thrown: unknown): FailedRequest {
  const { name, said, reason } = tokenReason(thrown);
  const cause = Object.assign(new Error(said.map(cleanLine).join("; ")), { name });
  const outcome: Outcome = { kind: kind === "unsure" ? "unsure" : "denied" };
  return {
    ...UNTOLD,
    outcome,
    source: "token",
    status: `${name}: ${cleanLine(said[0] ?? "")}`,
    reason,
    denial: { why: "token", hint: undefined },
    cause,
  };
}

/** What the service says of a signature beside the message. It may quote the signature, and is never shown. */
function detailIn(body: unknown): string {
  return typeof body === "string" ? (/<AuthenticationErrorDetail>([^<]*)</.exec(body)?.[1] ?? "") : "";
}

interface Refusal {
  readonly status: number | undefined;
  readonly code: string;
  /** Whether the answer bears a header that only the service sets. */
  readonly isOfService: boolean;
}

function outcomeOf({ status, code, isOfService }: Refusal): Outcome {
  const known = Object.hasOwn(OUTCOMES, code) ? OUTCOMES[code] : undefined;
  if (known) return known;
  // A gateway or a proxy on the way refuses what it likes, with any status. That says nothing about the lease or the
  // credentials.
  if (!isOfService) return { kind: "unsure" };
  if (status === 401 || status === 403) return { kind: "denied" };
  // Below 400 it may well have been done: it is another answer than the one for the operation, or its body cannot be
  // read.
  if (status === undefined || status < 400 || status >= 500 || status === 408 || status === 429)
    return { kind: "unsure" };
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
