import { firstSentence } from "./clean-text.ts";

/**
 * What a failed request for a token means: `refused` by the source of tokens, `unavailable` because there is nothing to
 * sign in with, or `unsure`: the source did not answer, or not to the point, and may do so later.
 */
export type TokenFailureKind = "refused" | "unavailable" | "unsure";

/** A request for a token that failed. Its cause is what the credential threw. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly kind: TokenFailureKind;

  constructor(kind: TokenFailureKind, cause: unknown) {
    super("no token", { cause });
    this.kind = kind;
  }
}

/** The names of the errors of `@azure/identity`. */
const CREDENTIAL_ERRORS = new Set([
  "AuthenticationError",
  "AuthenticationRequiredError",
  "AggregateAuthenticationError",
  "CredentialUnavailableError",
]);
/**
 * Signs of a source that cannot answer now, in the words of MSAL, Entra, Node and Python. Errors of `@azure/identity`
 * keep the message of what they wrap, but rarely its status; a 503 of Entra's is a response without `expiresOn` to
 * MSAL.
 */
const TRANSIENT = new RegExp(
  [
    "network_error|no_network_connectivity|endpoints_resolution_error|openid_config_error|request_cannot_be_made",
    "(?:post|get)_request_failed|temporarily_unavailable|server_error|service_not_available|request_timeout",
    'no "(?:expiresOn|accessToken)" property|No response\\.',
    "AADSTS(?:90033|90006|90012|90055|50196)\\b|throttl|too many requests|Service Unavailable|Gateway Time-?out",
    "\\b(?:EAI_AGAIN|ENOTFOUND|EPIPE|ETIMEDOUT|ECONN[A-Z]+|EHOSTUNREACH|ENETUNREACH|UND_ERR_\\w+)\\b",
    "socket hang up|unreachable",
    "timed?[ -]?out|Max retries exceeded|Connection(?:Pool| aborted| refused| reset)|ConnectionError",
  ].join("|"),
  "i",
);
/** Signs of a refusal. https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const REFUSAL = new RegExp(
  [
    "AADSTS\\d+|invalid_(?:client|grant|request|scope|resource|tenant)|unauthorized_client|access_denied",
    "(?:interaction|consent|login)_required|Automatic authentication has been disabled",
  ].join("|"),
  "i",
);
/** How many causes of causes are read. */
const DEEPEST = 4;

interface CredentialFailure {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly errorCode?: unknown;
  readonly statusCode?: unknown;
  readonly status?: unknown;
  readonly errors?: unknown;
  readonly cause?: unknown;
}

/** What a credential said that threw: its name, all that was said, and the reason in one line. */
export interface TokenReason {
  readonly name: string;
  readonly said: readonly string[];
  readonly reason: string;
}

/**
 * Reads what a credential threw, for people. Where several ways to sign in were tried, the reason ends with what the
 * first of them said that is not merely missing on this machine.
 */
export function tokenReason(thrown: unknown): TokenReason {
  const { name, message, errors } = (
    typeof thrown === "object" && thrown !== null ? thrown : { message: thrown }
  ) as CredentialFailure;
  const all: readonly CredentialFailure[] = Array.isArray(errors) ? errors : [];
  const said = [String(message), ...all.map((one) => String(one?.message))];
  const telling = all.find((one) => evidentKind(one, 0) !== "unavailable");
  const shownName = typeof name === "string" ? name : "Error";
  const words = [
    `${shownName}: ${firstSentence(said[0] ?? "")}`,
    ...(telling ? [firstSentence(String(telling.message))] : []),
  ];
  return { name: shownName, said, reason: words.join(": ") };
}

/** Whether it is an error of the library that fetches tokens, by its name: there may be several copies of it. */
export function isCredentialError(thrown: unknown): boolean {
  return (
    typeof thrown === "object" && thrown !== null && CREDENTIAL_ERRORS.has(String((thrown as CredentialFailure).name))
  );
}

/** Reads what a credential threw. Only what is evidently a refusal counts as one. */
export function tokenFailureKind(thrown: unknown): TokenFailureKind {
  return evidentKind(thrown, 0) ?? "unsure";
}

/** Undefined where the error does not say. */
function evidentKind(thrown: unknown, depth: number): TokenFailureKind | undefined {
  if (typeof thrown !== "object" || thrown === null || depth > DEEPEST) return undefined;
  const { name, message, code, errorCode, statusCode, status, errors, cause } = thrown as CredentialFailure;
  if (Array.isArray(errors) && errors.length > 0)
    return ofAll(errors.map((one) => evidentKind(one, depth + 1) ?? "unsure"));
  if (TRANSIENT.test([code, errorCode, message].join(" "))) return "unsure";
  const answered = [statusCode, status].find((found) => typeof found === "number");
  if (typeof answered === "number" && isTransient(answered)) return "unsure";
  if (answered === 400 || answered === 401 || answered === 403 || REFUSAL.test(`${errorCode} ${message}`))
    return "refused";
  const isUnavailable = name === "CredentialUnavailableError" || name === "AggregateAuthenticationError";
  return evidentKind(cause, depth + 1) ?? (isUnavailable ? "unavailable" : undefined);
}

/**
 * The kind of several failures, where all ways to sign in failed. A way that is unsure may be the one that works at
 * other times.
 */
function ofAll(kinds: readonly TokenFailureKind[]): TokenFailureKind {
  if (kinds.includes("unsure")) return "unsure";
  return kinds.includes("refused") ? "refused" : "unavailable";
}

function isTransient(status: number): boolean {
  return status === 0 || status === 408 || status === 410 || status === 429 || status >= 500;
}
